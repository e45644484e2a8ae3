"""Attribute values: an item's attributes by name, in DynamoDB's own form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AttributeValue = Mapping[str, Any]
"""One member: its type and its value."""
AttributeMap = Mapping[str, AttributeValue]
"""Attribute names to attribute values, as DynamoDB's JSON writes them: {"id": {"S": "a"}}."""
