"""Attribute values: an item's attributes by name, in DynamoDB's own form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AttributeMap = Mapping[str, Mapping[str, Any]]
"""Attribute names to attribute values, as DynamoDB's JSON writes them: {"id": {"S": "a"}}."""
