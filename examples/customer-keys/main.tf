# Everything at rest under a key of one's own: table, stream, collection, failure queue, logs and environment variables.

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name    = "orders-encrypted"
  account = data.aws_caller_identity.current.account_id
  arn     = "arn:${data.aws_partition.current.partition}"
}

################################################################################
# Key
################################################################################

resource "aws_kms_key" "this" {
  description             = "What ${local.name} keeps"
  enable_key_rotation     = true
  deletion_window_in_days = 7

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Who else uses it is said by IAM: the module's policies for the functions, yours for who applies and redrives. A
      # collection asks the deployer for kms:DescribeKey and kms:CreateGrant, a queue its senders for kms:GenerateDataKey
      # and kms:Decrypt.
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "${local.arn}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      # CloudWatch Logs has no role: the key's policy alone admits it, for the stack's log groups.
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "${local.arn}:logs:${var.region}:${local.account}:log-group:/aws/lambda/${local.name}*" }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.id
}

################################################################################
# The pipeline
################################################################################

module "searchsync" {
  source = "../.."

  name = local.name

  table = {
    name                = "orders-encrypted"
    hash_key            = { name = "id" }
    kms_key_arn         = aws_kms_key.this.arn
    deletion_protection = false # so that `terraform destroy` clears the example away
  }

  collection = {
    name                   = local.name
    network                = "public"
    standby_replicas       = false
    kms_key_arn            = aws_kms_key.this.arn # for good: a collection's key cannot be changed
    data_access_principals = var.data_access_principals
  }

  function      = { runtime = var.runtime, environment_kms_key_arn = aws_kms_key.this.arn }
  failure_queue = { kms_key_arn = aws_kms_key.this.arn }
  log_group     = { kms_key_arn = aws_kms_key.this.arn }
}
