"""A table with indexes that the module takes over: it keeps what `table` has no words for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.stack import Lab
from lab.terraform import Terraform

TABLE = "imported-orders"
HEAD = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100, < 7.0" }
  }
}

provider "aws" {
  region = "us-east-1"
}
"""
OWN = """
resource "aws_dynamodb_table" "orders" {
  name         = "imported-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "customer"
  range_key    = "order"

  dynamic "attribute" {
    for_each = { customer = "S", order = "N", status = "S", total = "N" }
    content {
      name = attribute.key
      type = attribute.value
    }
  }
  global_secondary_index {
    name            = "by-status"
    hash_key        = "status"
    projection_type = "ALL"
  }
  local_secondary_index {
    name            = "by-total"
    range_key       = "total"
    projection_type = "KEYS_ONLY"
  }
}
"""
HANDED_OVER = """
removed {
  from = aws_dynamodb_table.orders
  lifecycle {
    destroy = false
  }
}

import {
  to = module.search.aws_dynamodb_table.this[0]
  id = "imported-orders"
}
"""
MODULE = """
module "search" {
  source = "../.."

  name = "imported"
  table = {
    name                   = "imported-orders"
    hash_key               = { name = "customer" }
    range_key              = { name = "order", type = "N" }
    point_in_time_recovery = false
    deletion_protection    = false
    %s
  }
  existing_collection = {
    name     = "shop"
    arn      = "arn:aws:aoss:us-east-1:000000000000:collection/abc123"
    endpoint = "http://127.0.0.1:9"
  }
  trigger = { enabled = false }
}
"""
ATTRIBUTES = 'index_attributes = { status = "S", total = "N" }'


def indexes(lab: Lab) -> dict[str, Any]:
    found = lab.boto3_client("dynamodb").describe_table(TableName=TABLE)["Table"]
    return {
        kind: [each["IndexName"] for each in found.get(kind, [])]
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    } | {"id": found["TableId"]}


def test_a_table_that_is_handed_to_the_module_keeps_its_indexes(lab: Lab, tmp_path: Path) -> None:
    """F48: they were deleted at apply."""
    (folder := tmp_path / "imported").mkdir()
    (folder / "main.tf").write_text(HEAD + OWN)
    with Terraform(folder, lab) as terraform:
        terraform.apply()
        before = indexes(lab)
        assert before["GlobalSecondaryIndexes"] == ["by-status"]
        main = terraform.directory / "main.tf"
        main.write_text(HEAD + MODULE % "" + HANDED_OVER)
        terraform.initialise()
        with pytest.raises(LabError, match="all indexes must match a defined attribute"):
            terraform.apply()
        assert indexes(lab) == before
        main.write_text(HEAD + MODULE % ATTRIBUTES + HANDED_OVER)
        terraform.apply()
        assert indexes(lab) == before
        assert terraform.plan_is_empty(), terraform.plan()
        main.write_text(HEAD + MODULE % ATTRIBUTES)
        assert terraform.plan_is_empty(), terraform.plan()
        terraform.destroy()
