# One table in two collections: one index for the shop's search, whole; another, in a collection of its own, for those who
# must not see everything. Two stacks on one stream, each with its function, queue and place in the stream.

provider "aws" {
  region = var.region
}

resource "aws_dynamodb_table" "accounts" {
  #checkov:skip=CKV_AWS_28:stands for a table that is there already
  #checkov:skip=CKV_AWS_119:stands for a table that is there already

  name             = "accounts"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_IMAGE"

  attribute {
    name = "id"
    type = "S"
  }
}

locals {
  # DynamoDB lets two readers at most read a shard at once: two stacks, and no third.
  collections = {
    service = { document = {}, readers = var.service_readers }
    reports = {
      document = {
        exclude   = ["email", "address.street"]
        rename    = { "address.city" = "town" }
        constants = { source = "accounts", restricted = true }
      }
      readers = var.report_readers
    }
  }
}

module "searchsync" {
  source   = "../.."
  for_each = local.collections

  name = "accounts-${each.key}"

  existing_table = {
    stream_arn     = aws_dynamodb_table.accounts.stream_arn
    key_attributes = [aws_dynamodb_table.accounts.hash_key]
  }

  collection = {
    name                   = "accounts-${each.key}"
    description            = "Accounts, for the ${each.key}"
    network                = "public"
    standby_replicas       = false
    data_access_principals = each.value.readers
  }

  index    = { name = "accounts-${each.key}" }
  document = each.value.document
  function = { runtime = var.runtime }
}
