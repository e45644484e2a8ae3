################################################################################
# Role
################################################################################

# No aws:SourceAccount in the trust: a role cannot be passed to a function of another account.
resource "aws_iam_role" "this" {
  count = var.existing_role == null ? 1 : 0

  name                 = local.role_name
  path                 = coalesce(var.role.path, "/")
  description          = "Role of the function ${local.function_name}"
  permissions_boundary = var.role.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

locals {
  # The id, not the name: a role that is replaced has another id, so that its policies are made again with it.
  role = var.existing_role == null ? {
    arn  = aws_iam_role.this[0].arn
    name = aws_iam_role.this[0].id
    } : {
    arn  = var.existing_role.arn
    name = reverse(split("/", var.existing_role.arn))[0]
  }

  # A statement for every key that is given; policies themselves never depend on a key, whose ARN
  # may be unknown while planning.
  decrypt_table = [for arn in [local.table_kms_key_arn] : {
    Effect   = "Allow"
    Action   = ["kms:Decrypt"]
    Resource = [arn]
  } if arn != null]
}

################################################################################
# What the trigger needs: the stream
################################################################################

resource "aws_iam_role_policy" "stream" {
  name = local.policy_names.stream
  role = local.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
          Resource = [local.stream_arn]
        },
        # ListStreams knows no resource; Lambda asks for it when the mapping is created.
        {
          Effect   = "Allow"
          Action   = ["dynamodb:ListStreams"]
          Resource = ["*"]
        },
      ],
      local.decrypt_table,
    )
  })
}

################################################################################
# What the functions need: the collection, the table, the failure queue, themselves
################################################################################

# The data access policy narrows this to the index and to what the function does there.
resource "aws_iam_role_policy" "collection" {
  name = local.policy_names.collection
  role = local.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["aoss:APIAccessAll"]
      Resource = [local.collection.arn]
    }]
  })
}

resource "aws_iam_role_policy" "table" {
  name = local.policy_names.table
  role = local.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect   = "Allow"
        Action   = ["dynamodb:BatchGetItem"]
        Resource = [local.table_arn]
      }],
      local.decrypt_table,
    )
  })
}

# The trigger writes its on-failure destination with this role too; the redrive function takes messages up.
resource "aws_iam_role_policy" "failures" {
  name = local.policy_names.failures
  role = local.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"]
        Resource = [aws_sqs_queue.failures.arn]
      }],
      [for arn in [var.failure_queue.kms_key_arn] : {
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [arn]
      } if arn != null],
      [for bucket in [var.trigger.on_failure_bucket] : {
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [bucket.arn]
      } if bucket != null],
      [for bucket in [var.trigger.on_failure_bucket] : {
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${bucket.arn}/*"]
      } if bucket != null],
      [for arn in [try(var.trigger.on_failure_bucket.kms_key_arn, null)] : {
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey"]
        Resource = [arn]
      } if arn != null],
    )
  })
}

resource "aws_iam_role_policy" "function" {
  name = local.policy_names.function
  role = local.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.function.arn}:*", "${aws_cloudwatch_log_group.redrive.arn}:*"]
      }],
      [for arn in [var.function.environment_kms_key_arn] : {
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [arn]
      } if arn != null],
      # Lambda makes the function's network interfaces with its role; these actions know no narrower resource before they exist.
      [for vpc in [var.function.vpc] : {
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:UnassignPrivateIpAddresses",
        ]
        Resource = ["*"]
      } if vpc != null],
    )
  })
}
