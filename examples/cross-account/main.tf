# A table in one account, the index and all that writes it in another. One configuration for both, so that it can be
# tried; in practice the owner of the table applies the second part, from a state of its own.

# The account of the index.
provider "aws" {
  region = var.region
}

# The table's account.
provider "aws" {
  alias  = "owner"
  region = var.region # Lambda reads streams of its own region alone

  assume_role {
    role_arn = var.owner_role_arn
  }
}

data "aws_caller_identity" "current" {}

locals {
  name = "orders-shared"
  # By their names, since the policies come before the roles.
  roles = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/${local.name}"
}

################################################################################
# In the table's account
################################################################################

resource "aws_dynamodb_table" "orders" {
  #checkov:skip=CKV_AWS_28:stands for a table that is there already
  #checkov:skip=CKV_AWS_119:stands for a table that is there already

  provider = aws.owner

  name             = "orders-shared"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_IMAGE"

  attribute {
    name = "id"
    type = "S"
  }
}

module "policies" {
  source = "../../modules/table_policies"

  stream_arn         = aws_dynamodb_table.orders.stream_arn
  function_role_arn  = "${local.roles}-role"
  reconcile_role_arn = "${local.roles}-reconcile-role"
}

resource "aws_dynamodb_resource_policy" "table" {
  provider = aws.owner

  resource_arn = aws_dynamodb_table.orders.arn
  policy       = module.policies.table
}

resource "aws_dynamodb_resource_policy" "stream" {
  provider = aws.owner

  resource_arn = aws_dynamodb_table.orders.stream_arn
  policy       = module.policies.stream

  # Both are there before the trigger, which waits for this one's ARN.
  depends_on = [aws_dynamodb_resource_policy.table]
}

################################################################################
# In the account of the index
################################################################################

module "searchsync" {
  source = "../.."

  name = local.name

  existing_table = {
    stream_arn     = aws_dynamodb_resource_policy.stream.resource_arn
    key_attributes = [aws_dynamodb_table.orders.hash_key]
    cross_account  = true
  }

  collection = {
    name                   = "orders-shared"
    network                = "public"
    standby_replicas       = false
    data_access_principals = var.data_access_principals
  }

  index    = { name = "orders-shared" }
  function = { runtime = var.runtime }
}
