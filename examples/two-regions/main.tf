# A global table with a replica in each of two regions, and an index beside each: searches stay in their region, and go on
# when the other one is away.

provider "aws" {
  region = var.region
}

provider "aws" {
  alias  = "replica"
  region = var.replica_region
}

locals {
  key_attributes = ["id"]
}

resource "aws_dynamodb_table" "orders" {
  #checkov:skip=CKV_AWS_28:stands for a table that is there already
  #checkov:skip=CKV_AWS_119:stands for a table that is there already

  name             = "orders-global"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES" # what replication wants

  attribute {
    name = "id"
    type = "S"
  }

  replica {
    region_name = var.replica_region
  }
}

################################################################################
# A stack a region: Lambda reads streams of its own region alone
################################################################################

# Roles are the account's, of no region: each stack has a name of its own.
module "here" {
  source = "../.."

  name = "orders-${var.region}"

  existing_table = {
    stream_arn     = aws_dynamodb_table.orders.stream_arn
    key_attributes = local.key_attributes
  }

  collection = {
    name                   = "orders-global"
    network                = "public"
    standby_replicas       = false
    data_access_principals = var.data_access_principals
  }

  index    = { name = "orders-${var.region}" }
  function = { runtime = var.runtime }
}

module "there" {
  source    = "../.."
  providers = { aws = aws.replica }

  name = "orders-${var.replica_region}"

  existing_table = {
    stream_arn     = one([for replica in aws_dynamodb_table.orders.replica : replica.stream_arn])
    key_attributes = local.key_attributes
  }

  collection = {
    name                   = "orders-global"
    network                = "public"
    standby_replicas       = false
    data_access_principals = var.data_access_principals
  }

  index    = { name = "orders-${var.replica_region}" }
  function = { runtime = var.runtime }
}
