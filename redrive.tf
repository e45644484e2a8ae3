################################################################################
# Redrive function
################################################################################

# The same package and role as the sync function: it reads the table and writes the index by the same rules.

locals {
  redrive_function_name = "${local.function_name}-redrive"
}

resource "aws_cloudwatch_log_group" "redrive" {
  name              = "/aws/lambda/${local.redrive_function_name}"
  retention_in_days = var.log_group.retention_days
  kms_key_id        = var.log_group.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "redrive" {
  #checkov:skip=CKV_AWS_50:the log line says what a redrive did, and tracing would want a wildcard permission
  #checkov:skip=CKV_AWS_116:what fails stays in the failure queue itself
  #checkov:skip=CKV_AWS_272:the package is compared with its SHA-256 at plan

  function_name = local.redrive_function_name
  description   = "Takes up the messages of the queue ${local.queue_name}: brings their keys in step"
  role          = local.role.arn

  filename          = local.package.filename
  source_code_hash  = local.package.source_code_hash
  s3_bucket         = var.package.s3_bucket
  s3_key            = var.package.s3_key
  s3_object_version = var.package.s3_object_version

  handler                        = "searchsync.redrive_handler.handle"
  runtime                        = var.function.runtime
  architectures                  = [var.function.architecture]
  memory_size                    = var.function.memory_size
  timeout                        = var.function.timeout
  reserved_concurrent_executions = -1 # what the sync function is given is its own
  kms_key_arn                    = var.function.environment_kms_key_arn
  tags                           = var.tags

  environment {
    variables = local.function_environment
  }

  # Text leaves our JSON lines as they are, which is what metric extraction reads.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.redrive.name
  }

  dynamic "vpc_config" {
    for_each = var.function.vpc == null ? [] : [var.function.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [
    aws_iam_role_policy.collection,
    aws_iam_role_policy.failures,
    aws_iam_role_policy.function,
    aws_iam_role_policy.stream,
    aws_iam_role_policy.table,
    aws_opensearchserverless_access_policy.function,
  ]
}

################################################################################
# Schedule
################################################################################

resource "aws_cloudwatch_event_rule" "redrive" {
  count = var.redrive.schedule_expression == null ? 0 : 1

  name                = local.redrive_function_name
  description         = "Runs the function ${local.redrive_function_name}"
  schedule_expression = var.redrive.schedule_expression
  tags                = var.tags
}

# A redrive takes EventBridge's own event for an empty one.
resource "aws_cloudwatch_event_target" "redrive" {
  count = var.redrive.schedule_expression == null ? 0 : 1

  rule = aws_cloudwatch_event_rule.redrive[0].name
  arn  = aws_lambda_function.redrive.arn
}

resource "aws_lambda_permission" "redrive" {
  count = var.redrive.schedule_expression == null ? 0 : 1

  statement_id  = "schedule"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.redrive.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.redrive[0].arn
}
