################################################################################
# Keys between the phases of a run
################################################################################

# Which items the table's phase has read, for the index's phase: hashes of their ids, and nothing else of them. What is
# lost is read once more (reconcile/seen.py), so that all of it may go at any time. A rolling verification keeps its place here
# too, with the key of the item at which a call ended (reconcile/slices.py). S3 encrypts it with its own key, by itself
# ("Amazon S3 automatically encrypts all new objects").
resource "aws_s3_bucket" "seen" {
  #checkov:skip=CKV_AWS_18:hashes that nobody but the run reads
  #checkov:skip=CKV_AWS_21:what is lost is read once more
  #checkov:skip=CKV_AWS_144:what is lost is read once more
  #checkov:skip=CKV_AWS_145:hashes of ids, and one key of an item at most, encrypted with S3's own key
  #checkov:skip=CKV2_AWS_62:nobody waits for an object

  bucket_prefix = substr("${var.prefix}-reconcile-", 0, 37) # of 63 characters: the provider puts 26 behind it
  force_destroy = true
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "seen" {
  bucket = aws_s3_bucket.seen.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "seen" {
  bucket = aws_s3_bucket.seen.id

  rule {
    id     = "seen"
    status = "Enabled"
    filter {}

    # An execution is redriven within 14 days ("Redriving state machine executions"). A rolling verification's round
    # reads within its period what it has written.
    expiration {
      days = max(15, try(ceil(var.settings.rolling.period_hours / 24) + 1, 0))
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "seen" {
  bucket = aws_s3_bucket.seen.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.seen.arn, "${aws_s3_bucket.seen.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # Two changes of a bucket's access at once are refused (409 OperationAborted, API "PutBucketPolicy").
  depends_on = [aws_s3_bucket_public_access_block.seen]
}
