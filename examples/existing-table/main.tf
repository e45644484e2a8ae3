# A stack that has a table, a collection and a role already, and attaches the pipeline to them.

provider "aws" {
  region = var.region
}

################################################################################
# What the stack has
################################################################################

resource "aws_dynamodb_table" "orders" {
  #checkov:skip=CKV_AWS_28:stands for a table that is there already
  #checkov:skip=CKV_AWS_119:stands for a table that is there already

  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "customer"
  range_key        = "order"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "customer"
    type = "S"
  }

  attribute {
    name = "order"
    type = "N"
  }
}

module "collection" {
  source = "../../modules/collection"

  name                   = "shop"
  description            = "What the shop searches"
  network                = "public"
  standby_replicas       = false
  data_access_principals = var.data_access_principals
}

resource "aws_iam_role" "sync" {
  name = "shop-sync"
  path = "/shop/"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# Exports of the table, and what a verification finds.
resource "aws_s3_bucket" "search" {
  #checkov:skip=CKV_AWS_18:an example does without an access log
  #checkov:skip=CKV_AWS_21:exports and reports are written once and can be made again
  #checkov:skip=CKV_AWS_144:the same
  #checkov:skip=CKV_AWS_145:S3's own encryption; give the bucket a key and name it beside the ARN
  #checkov:skip=CKV2_AWS_61:an example's bucket goes with the example
  #checkov:skip=CKV2_AWS_62:nobody waits for a report or an export

  bucket        = var.bucket
  force_destroy = true # so that `terraform destroy` clears the example away
}

resource "aws_s3_bucket_public_access_block" "search" {
  bucket = aws_s3_bucket.search.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

################################################################################
# The pipeline attached to it
################################################################################

module "searchsync" {
  source = "../.."

  name = "orders-search"

  existing_table = {
    stream_arn     = aws_dynamodb_table.orders.stream_arn
    key_attributes = ["customer", "order"]
  }

  existing_collection = {
    name               = module.collection.name
    arn                = module.collection.arn
    endpoint           = module.collection.endpoint
    dashboard_endpoint = module.collection.dashboard_endpoint
  }

  existing_role = { arn = aws_iam_role.sync.arn }

  index    = { name = "orders" }
  function = { runtime = var.runtime }

  # Off while an export is loaded, then on: what changed since is read from the stream.
  trigger = { enabled = var.trigger_enabled }

  reconciliation = {
    report_bucket              = { arn = aws_s3_bucket.search.arn }
    export_bucket              = { arn = aws_s3_bucket.search.arn }
    verify_schedule_expression = "cron(0 3 * * ? *)"
  }

  # What was mended by hand, and what the trigger gave up, is in step within the hour.
  redrive = { schedule_expression = "rate(1 hour)" }
}
