# The function's code from a bucket, where deployments may upload nothing: a pipeline puts the zip there, and its facts lie
# beside this configuration.

provider "aws" {
  region = var.region
}

################################################################################
# What the pipeline does once a version: put the package into a bucket
################################################################################

resource "aws_s3_bucket" "packages" {
  #checkov:skip=CKV_AWS_18:an example does without an access log
  #checkov:skip=CKV_AWS_144:a package can be built again
  #checkov:skip=CKV_AWS_145:S3's own encryption: code is no secret
  #checkov:skip=CKV2_AWS_61:an example's bucket goes with the example
  #checkov:skip=CKV2_AWS_62:nobody waits for a package

  bucket        = var.bucket
  force_destroy = true # so that `terraform destroy` clears the example away
}

resource "aws_s3_bucket_public_access_block" "packages" {
  bucket = aws_s3_bucket.packages.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# A new zip under the same key is a new version, and so a change that a plan sees.
resource "aws_s3_bucket_versioning" "packages" {
  bucket = aws_s3_bucket.packages.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_object" "package" {
  bucket      = aws_s3_bucket_versioning.packages.bucket
  key         = "searchsync.zip"
  source      = "${local.built}.zip"
  source_hash = fileexists("${local.built}.zip") ? filesha256("${local.built}.zip") : null
}

################################################################################
# The pipeline
################################################################################

locals {
  # A release's tag carries it; elsewhere `make package` builds it.
  built = "${path.module}/../../dist/searchsync"
}

module "searchsync" {
  source = "../.."

  name = "orders-packaged"

  table = {
    name                = "orders-packaged"
    hash_key            = { name = "id" }
    deletion_protection = false # so that `terraform destroy` clears the example away
  }

  collection = {
    name                   = "orders-packaged"
    network                = "public"
    standby_replicas       = false
    data_access_principals = var.data_access_principals
  }

  function = { runtime = var.runtime }

  package = {
    s3_bucket         = aws_s3_bucket.packages.bucket
    s3_key            = aws_s3_object.package.key
    s3_object_version = aws_s3_object.package.version_id
    facts             = "${local.built}.json"
  }
}
