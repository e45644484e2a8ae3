################################################################################
# Common
################################################################################

locals {
  # The function is told the machine's ARN and the machine the function's: one of them is put together. The log
  # group's has its parts, and is known while planning, as a data source behind a `depends_on` is not.
  place             = zipmap(["partition", "region", "account"], [for part in [1, 3, 4] : split(":", aws_cloudwatch_log_group.function.arn)[part]])
  states            = "arn:${local.place.partition}:states:${local.place.region}:${local.place.account}"
  state_machine_arn = "${local.states}:stateMachine:${var.name}"
  # What reconcile/settings.py reads of the rolling verification, where there is one.
  rolling = merge([for rolling in [var.settings.rolling] : {
    ROLLING_EVERY_SECONDS         = tostring(rolling.every_minutes * 60)
    ROLLING_PERIOD_SECONDS        = tostring(rolling.period_hours * 3600)
    ROLLING_READ_UNITS_PER_SECOND = rolling.read_units_per_second == null ? "" : tostring(rolling.read_units_per_second)
  } if rolling != null]...)
  report_bucket = try(split(":::", var.settings.report_bucket.arn)[1], "")
  timeout       = 900                                        # seconds: the longest that Lambda gives, so that a call runs for minutes
  probe_index   = "${substr(var.index_name, 0, 248)}-doctor" # as reconcile/asker.py names it: at most 255 characters
  # AOSS takes 32 characters (`PolicyName` of its model), and a view's name is part of the prefix.
  access_policy = length(var.prefix) <= 27 ? "${var.prefix}-runs" : "${substr(var.prefix, 0, 25)}-${substr(sha256(var.prefix), 0, 6)}"
}

################################################################################
# Collection
################################################################################

resource "aws_opensearchserverless_access_policy" "function" {
  count = var.collection.create_data_access_policy ? 1 : 0

  name        = local.access_policy
  type        = "data"
  description = "What the reconcile function ${var.name} does to the index ${var.index_name}"

  policy = jsonencode([{
    Principal = [aws_iam_role.function.arn]
    Rules = concat(
      [{
        Permission   = concat(["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument"], var.mark_index, ["aoss:WriteDocument"])
        Resource     = ["index/${var.collection.name}/${var.index_name}"]
        ResourceType = "index"
      }],
      # The probes of `searchsync doctor`, in an index of their own that they make and delete.
      [for index in [local.probe_index] : {
        Permission   = ["aoss:CreateIndex", "aoss:DeleteIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:UpdateIndex", "aoss:WriteDocument"]
        Resource     = ["index/${var.collection.name}/${index}"]
        ResourceType = "index"
      } if index != var.index_name],
    )
  }])
}

################################################################################
# Function
################################################################################

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_group.retention_days
  kms_key_id        = var.log_group.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the log line says what a call did, and tracing would want a wildcard permission
  #checkov:skip=CKV_AWS_115:the state machine's concurrency bounds it, and a reservation would take from the account's pool for ever
  #checkov:skip=CKV_AWS_116:it is called by the state machine alone, which tries again and says what failed
  #checkov:skip=CKV_AWS_272:the package is compared with its SHA-256 at plan

  function_name = var.name
  description   = "Reconciles the whole table of ${var.sync_function_name}: backfill, verify, repair"
  role          = aws_iam_role.function.arn

  filename          = var.function.filename
  source_code_hash  = var.function.source_code_hash
  s3_bucket         = var.function.s3_bucket
  s3_key            = var.function.s3_key
  s3_object_version = var.function.s3_object_version

  handler       = "searchsync.reconcile_handler.handle"
  runtime       = var.function.runtime
  architectures = [var.function.architecture]
  memory_size   = var.settings.memory_size
  timeout       = local.timeout
  kms_key_arn   = var.function.environment_kms_key_arn
  tags          = var.tags

  environment {
    variables = merge(var.function.environment, local.rolling, {
      READ_UNITS_PER_SECOND = var.settings.read_units_per_second == null ? "" : tostring(var.settings.read_units_per_second)
      REPORT_BUCKET         = local.report_bucket
      SEEN_BUCKET           = aws_s3_bucket.seen.id
      RECHECK_DELAY_SECONDS = tostring(var.settings.recheck_delay_seconds)
      STATE_MACHINE_ARN     = local.state_machine_arn
      SYNC_FUNCTION_NAME    = var.sync_function_name
      RECONCILE_CONCURRENCY = tostring(var.settings.concurrency)
      WATCH_SECONDS         = "120" # until CloudWatch tells how late the pipeline was: LAG_KNOWN_AFTER in limits.py
      WINDOW_SECONDS        = tostring(var.batching_window_seconds)
    })
  }

  # Text leaves our JSON lines as they are, which is what metric extraction reads.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  dynamic "vpc_config" {
    for_each = var.function.vpc == null ? [] : [var.function.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.function]
}

################################################################################
# State machine
################################################################################

# Its definition is in state_machine.tf. No log group: Step Functions keeps each execution's history
# for 90 days, and what the run found is in the function's log.
resource "aws_sfn_state_machine" "this" {
  #checkov:skip=CKV_AWS_284:the function's log says what each call did, and tracing would want a wildcard permission
  #checkov:skip=CKV_AWS_285:Step Functions keeps each execution's history for 90 days

  name       = var.name
  type       = "STANDARD"
  role_arn   = aws_iam_role.state_machine.arn
  definition = jsonencode(local.definition)
  tags       = var.tags

  # A run that is started at once finds its permissions.
  depends_on = [
    aws_iam_role_policy.state_machine,
    aws_opensearchserverless_access_policy.function,
  ]
}

################################################################################
# Scheduled verification
################################################################################

resource "aws_cloudwatch_event_rule" "verify" {
  count = var.settings.verify_schedule_expression == null ? 0 : 1

  name                = "${var.name}-verify"
  description         = "Starts the verification of ${var.sync_function_name}'s table and index, and so wakes a collection that sleeps"
  schedule_expression = var.settings.verify_schedule_expression
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "verify" {
  count = var.settings.verify_schedule_expression == null ? 0 : 1

  rule      = aws_cloudwatch_event_rule.verify[0].name
  target_id = "verify"
  arn       = aws_sfn_state_machine.this.arn
  role_arn  = aws_iam_role.schedule[0].arn
  input     = jsonencode({ task = "verify", scheduled = true }) # gives way to another run

  depends_on = [aws_iam_role_policy.schedule]
}
