################################################################################
# Role of the function
################################################################################

locals {
  trust = { for service in ["events", "lambda", "states"] : service => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "${service}.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  }) }

  # A statement for every key that is given.
  decrypt = [for arn in [var.table.kms_key_arn, var.function.environment_kms_key_arn, try(var.settings.export_bucket.kms_key_arn, null)] : {
    Effect   = "Allow"
    Action   = ["kms:Decrypt"]
    Resource = [arn]
  } if arn != null]
}

resource "aws_iam_role" "function" {
  name                 = "${var.prefix}-reconcile-role"
  path                 = coalesce(var.role.path, "/")
  description          = "Role of the reconcile function ${var.name}"
  permissions_boundary = var.role.permissions_boundary_arn
  assume_role_policy   = local.trust["lambda"]
  tags                 = var.tags
}

resource "aws_iam_role_policy" "function" {
  name = "${var.prefix}-reconcile"
  role = aws_iam_role.function.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Effect   = "Allow"
          Action   = ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:Scan"]
          Resource = [var.table.arn]
        },
        # The data access policy narrows this to the index and to what the run does there.
        {
          Effect   = "Allow"
          Action   = ["aoss:APIAccessAll"]
          Resource = [var.collection.arn]
        },
        {
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = [var.failure_queue.arn]
        },
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.function.arn}:*"]
        },
        # Whether another run runs.
        {
          Effect   = "Allow"
          Action   = ["states:ListExecutions"]
          Resource = [local.state_machine_arn]
        },
        # Whether the trigger is off before a load, how late the pipeline is, and how much room Lambda has. None knows a
        # resource.
        {
          Effect   = "Allow"
          Action   = ["cloudwatch:GetMetricStatistics", "lambda:GetAccountSettings", "lambda:ListEventSourceMappings"]
          Resource = ["*"]
        },
        # Which items a run has read, between its two phases.
        {
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = ["${aws_s3_bucket.seen.arn}/*"]
        },
        {
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = [aws_s3_bucket.seen.arn]
        },
      ],
      local.decrypt,
      [for arn in [var.failure_queue.kms_key_arn] : {
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [arn]
      } if arn != null],
      [for bucket in [var.settings.report_bucket] : {
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${bucket.arn}/*"]
      } if bucket != null],
      [for arn in [try(var.settings.report_bucket.kms_key_arn, null)] : {
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey"]
        Resource = [arn]
      } if arn != null],
      # Whether an export is whole; its manifest and files.
      [for bucket in [var.settings.export_bucket] : {
        Effect   = "Allow"
        Action   = ["dynamodb:DescribeExport"]
        Resource = ["${var.table.arn}/export/*"]
      } if bucket != null],
      [for bucket in [var.settings.export_bucket] : {
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${bucket.arn}/*"]
      } if bucket != null],
      # Whether a file is there: who may not list a bucket is told 403 of a missing object (API "GetObject").
      [for bucket in [var.settings.export_bucket] : {
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [bucket.arn]
      } if bucket != null],
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

################################################################################
# Role of the state machine
################################################################################

resource "aws_iam_role" "state_machine" {
  name                 = "${var.prefix}-reconcile-machine-role"
  path                 = coalesce(var.role.path, "/")
  description          = "Role of the state machine ${var.name}"
  permissions_boundary = var.role.permissions_boundary_arn
  assume_role_policy   = local.trust["states"]
  tags                 = var.tags
}

resource "aws_iam_role_policy" "state_machine" {
  name = "${var.prefix}-reconcile-machine"
  role = aws_iam_role.state_machine.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [aws_lambda_function.this.arn]
      },
      # A Distributed Map starts its children as executions of its own machine, and redrives them
      # ("IAM policies for using Distributed Map states", "Redriving Map Runs").
      {
        Effect   = "Allow"
        Action   = ["states:StartExecution"]
        Resource = [local.state_machine_arn]
      },
      {
        Effect   = "Allow"
        Action   = ["states:RedriveExecution"]
        Resource = ["${local.states}:execution:${var.name}/*"]
      },
      # Children are named by their Map Run (`<machine>/<label>:<id>`), and AWS's own policy says `<machine>:*`.
      {
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:StopExecution"]
        Resource = ["${local.states}:execution:${var.name}/*", "${local.states}:execution:${var.name}:*"]
      },
    ]
  })
}

################################################################################
# Role of the schedule
################################################################################

resource "aws_iam_role" "schedule" {
  count = var.settings.verify_schedule_expression == null ? 0 : 1

  name                 = "${var.prefix}-reconcile-schedule-role"
  path                 = coalesce(var.role.path, "/")
  description          = "Lets the schedule start the state machine ${var.name}"
  permissions_boundary = var.role.permissions_boundary_arn
  assume_role_policy   = local.trust["events"]
  tags                 = var.tags
}

resource "aws_iam_role_policy" "schedule" {
  count = var.settings.verify_schedule_expression == null ? 0 : 1

  name = "${var.prefix}-reconcile-schedule"
  role = aws_iam_role.schedule[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["states:StartExecution"]
      Resource = [local.state_machine_arn]
    }]
  })
}
