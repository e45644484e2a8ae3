# modules/reconciliation: state machine, function, roles and schedule. Applied to the mocked provider, where ARNs are known.

mock_provider "aws" {
  source = "./tests/terraform/mocks"

  override_resource {
    target = aws_iam_role.function
    values = { arn = "arn:aws:iam::111122223333:role/shop-reconcile-role" }
  }
  override_resource {
    target = aws_s3_bucket.seen
    values = { arn = "arn:aws:s3:::shop-reconcile-1", id = "shop-reconcile-1" }
  }
  override_resource {
    target = aws_lambda_function.this
    values = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:shop-sync-reconcile" }
  }
}

variables {
  name               = "shop-sync-reconcile"
  prefix             = "shop"
  table              = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders" }
  collection         = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee" }
  index_name         = "orders"
  failure_queue      = { arn = "arn:aws:sqs:eu-central-1:111122223333:shop-failures" }
  sync_function_name = "shop-sync"

  batching_window_seconds = 150
  function = {
    filename     = "tests/terraform/packages/good.zip"
    runtime      = "python3.12"
    architecture = "arm64"
    environment  = { OPENSEARCH_INDEX = "orders" }
  }
  log_group = { retention_days = 30 }
  settings  = { concurrency = 4, recheck_delay_seconds = 30, memory_size = 1024 }
}

run "run_function_may_do_what_a_run_does_and_nothing_else" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.function.policy).Statement == [
      { Effect = "Allow", Action = ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:Scan"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/orders"] },
      { Effect = "Allow", Action = ["aoss:APIAccessAll"], Resource = ["arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee"] },
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:shop-failures"] },
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync:*"] },
      { Effect = "Allow", Action = ["states:ListExecutions"], Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:shop-sync-reconcile"] },
      { Effect = "Allow", Action = ["cloudwatch:GetMetricStatistics", "lambda:GetAccountSettings", "lambda:ListEventSourceMappings"], Resource = ["*"] },
      { Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["arn:aws:s3:::shop-reconcile-1/*"] },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::shop-reconcile-1"] },
    ]
    error_message = "The reconcile function's policy must be these statements: ${aws_iam_role_policy.function.policy}"
  }
  assert {
    condition     = jsondecode(aws_iam_role.function.assume_role_policy).Statement == [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
    error_message = "Lambda alone must be able to assume the reconcile function's role."
  }
}

run "state_machine_may_run_its_children_and_nothing_else" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.state_machine.policy).Statement == [
      { Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:shop-sync-reconcile"] },
      { Effect = "Allow", Action = ["states:StartExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:shop-sync-reconcile"] },
      { Effect = "Allow", Action = ["states:RedriveExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:execution:shop-sync-reconcile/*"] },
      { Effect = "Allow", Action = ["states:DescribeExecution", "states:StopExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:execution:shop-sync-reconcile/*", "arn:aws:states:eu-central-1:111122223333:execution:shop-sync-reconcile:*"] },
    ]
    error_message = "The state machine's policy must be these statements: ${aws_iam_role_policy.state_machine.policy}"
  }
  assert {
    condition     = jsondecode(aws_iam_role.state_machine.assume_role_policy).Statement == [{ Effect = "Allow", Principal = { Service = "states.amazonaws.com" }, Action = "sts:AssumeRole" }]
    error_message = "Step Functions alone must be able to assume the state machine's role."
  }
}

run "keys_of_a_run_are_private_and_gone_when_it_can_go_on_no_more" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition     = aws_s3_bucket.seen.bucket_prefix == "shop-reconcile-" && aws_s3_bucket.seen.force_destroy
    error_message = "The bucket must carry the run's prefix, and go with the module."
  }
  assert {
    condition     = alltrue([for name in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"] : jsondecode(jsonencode(aws_s3_bucket_public_access_block.seen))[name]])
    error_message = "Nothing of the bucket may be public."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.seen.rule[0].status == "Enabled" && aws_s3_bucket_lifecycle_configuration.seen.rule[0].expiration[0].days == 15
    error_message = "Objects must live as long as an execution can be redriven, 14 days, and go then."
  }
  assert {
    condition     = jsondecode(aws_s3_bucket_policy.seen.policy).Statement == [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["arn:aws:s3:::shop-reconcile-1", "arn:aws:s3:::shop-reconcile-1/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }]
    error_message = "The bucket must be closed to requests without TLS."
  }
}

run "run_is_a_principal_of_its_own_in_the_data_access_policy" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition = jsondecode(aws_opensearchserverless_access_policy.function[0].policy) == [{
      Principal = ["arn:aws:iam::111122223333:role/shop-reconcile-role"]
      Rules = [
        {
          Permission   = ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"]
          Resource     = ["index/shop/orders"]
          ResourceType = "index"
        },
        {
          Permission   = ["aoss:CreateIndex", "aoss:DeleteIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:UpdateIndex", "aoss:WriteDocument"]
          Resource     = ["index/shop/orders-doctor"]
          ResourceType = "index"
        },
      ]
    }]
    error_message = "The policy must name the run's four permissions on its index, and six on the doctor's own: ${aws_opensearchserverless_access_policy.function[0].policy}"
  }
}

run "run_may_mark_an_index_that_is_taken_over" {
  module {
    source = "./modules/reconciliation"
  }
  variables {
    mark_index = ["aoss:UpdateIndex"]
  }

  assert {
    condition     = jsondecode(aws_opensearchserverless_access_policy.function[0].policy)[0].Rules[0].Permission == ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:UpdateIndex", "aoss:WriteDocument"]
    error_message = "The run's role must be able to mark the index."
  }
}

run "run_function_runs_the_package_with_the_sync_functions_environment" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      OPENSEARCH_INDEX      = "orders"
      READ_UNITS_PER_SECOND = ""
      REPORT_BUCKET         = ""
      SEEN_BUCKET           = "shop-reconcile-1"
      RECHECK_DELAY_SECONDS = "30"
      STATE_MACHINE_ARN     = "arn:aws:states:eu-central-1:111122223333:stateMachine:shop-sync-reconcile"
      SYNC_FUNCTION_NAME    = "shop-sync"
      RECONCILE_CONCURRENCY = "4"
      WATCH_SECONDS         = "120"
      WINDOW_SECONDS        = "150"
    })
    error_message = "The environment must be what reconcile/settings.py reads: ${jsonencode(aws_lambda_function.this.environment[0].variables)}"
  }
  assert {
    condition     = aws_lambda_function.this.handler == "searchsync.reconcile_handler.handle" && aws_lambda_function.this.timeout == 900 && aws_lambda_function.this.memory_size == 1024
    error_message = "The run's entry must run for as long as Lambda lets it."
  }
}

run "no_failure_is_tolerated_and_no_refusal_repeated" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition     = alltrue([for name in ["Table", "Index", "Export"] : jsondecode(aws_sfn_state_machine.this.definition).States[name].ToleratedFailurePercentage == 0])
    error_message = "Only an unsuccessful Map Run is redriven."
  }
  assert {
    condition     = alltrue([for name in ["Table", "Index", "Export"] : jsondecode(aws_sfn_state_machine.this.definition).States[name].MaxConcurrency == 4])
    error_message = "No more parts may be scanned at once than the setting says."
  }
  assert {
    condition     = alltrue([for name in ["Table", "Index", "Export"] : jsondecode(aws_sfn_state_machine.this.definition).States[name].ItemProcessor.ProcessorConfig == { Mode = "DISTRIBUTED", ExecutionType = "STANDARD" }])
    error_message = "An express child ends after five minutes."
  }
  assert {
    condition = alltrue([for call in concat(
      [for name in ["Prepare", "Finish"] : jsondecode(aws_sfn_state_machine.this.definition).States[name]],
      [for name in ["Table", "Index", "Export"] : jsondecode(aws_sfn_state_machine.this.definition).States[name].ItemProcessor.States["Run${name}"]],
    ) : call.Retry[0] == { ErrorEquals = ["ConfigurationError", "ExportRefusedError", "RunRefusedError"], MaxAttempts = 0 } && call.TimeoutSeconds == 960])
    error_message = "Every call must end, and a refusal must stand."
  }
  assert {
    condition = alltrue([for call in concat(
      [for name in ["Prepare", "Finish"] : jsondecode(aws_sfn_state_machine.this.definition).States[name]],
      [for name in ["Table", "Index", "Export"] : jsondecode(aws_sfn_state_machine.this.definition).States[name].ItemProcessor.States["Run${name}"]],
    ) : contains(call.Retry[1].ErrorEquals, "Lambda.TooManyRequestsException") && contains(call.Retry[2].ErrorEquals, "States.TaskFailed")])
    error_message = "What Lambda has no room for must be waited out before it is an error like others."
  }
  assert {
    condition     = aws_sfn_state_machine.this.type == "STANDARD" && aws_sfn_state_machine.this.name == "shop-sync-reconcile"
    error_message = "The machine is named like its function, so that an operator finds both."
  }
}

run "no_schedule_unless_asked_for" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.verify) == 0 && length(aws_iam_role.schedule) == 0
    error_message = "Nobody asked for a schedule."
  }
}

run "nothing_of_a_rolling_verification_unless_asked_for" {
  module {
    source = "./modules/reconciliation"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.rolling) + length(aws_cloudwatch_event_target.rolling) + length(aws_lambda_permission.rolling) == 0
    error_message = "Nobody asked for it."
  }
}

run "a_rolling_verification_is_the_run_function_called_by_a_rule" {
  module {
    source = "./modules/reconciliation"
  }

  variables {
    settings = { concurrency = 4, recheck_delay_seconds = 30, memory_size = 1024, rolling = { period_hours = 720, every_minutes = 15, read_units_per_second = 25 } }
  }
  assert {
    condition     = aws_cloudwatch_event_rule.rolling[0].schedule_expression == "rate(15 minutes)" && aws_cloudwatch_event_target.rolling[0].arn == aws_lambda_function.this.arn && jsondecode(aws_cloudwatch_event_target.rolling[0].input) == { step = "rolling" }
    error_message = "The rule must call the function's step."
  }
  assert {
    condition     = aws_lambda_permission.rolling[0].principal == "events.amazonaws.com" && aws_lambda_permission.rolling[0].source_arn == aws_cloudwatch_event_rule.rolling[0].arn && aws_lambda_permission.rolling[0].function_name == "shop-sync-reconcile" && aws_lambda_permission.rolling[0].action == "lambda:InvokeFunction"
    error_message = "This rule alone may call it."
  }
  assert {
    condition     = { for name, value in aws_lambda_function.this.environment[0].variables : name => value if startswith(name, "ROLLING_") } == { ROLLING_EVERY_SECONDS = "900", ROLLING_PERIOD_SECONDS = "2592000", ROLLING_READ_UNITS_PER_SECOND = "25" }
    error_message = "The environment must be what reconcile/settings.py reads: ${jsonencode(aws_lambda_function.this.environment[0].variables)}"
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.seen.rule[0].expiration[0].days == 31
    error_message = "What a round has read must last as long as the round."
  }
  assert {
    condition     = length(jsondecode(aws_iam_role_policy.function.policy).Statement) == 8 && length(aws_iam_role.schedule) == 0
    error_message = "It needs no permission that a run has not."
  }
}

run "a_rolling_verification_each_minute_at_a_lanes_rate" {
  module {
    source = "./modules/reconciliation"
  }

  variables {
    settings = { concurrency = 4, recheck_delay_seconds = 30, memory_size = 1024, rolling = { period_hours = 0.1, every_minutes = 1 } }
  }
  assert {
    condition     = aws_cloudwatch_event_rule.rolling[0].schedule_expression == "rate(1 minute)" && aws_lambda_function.this.environment[0].variables.ROLLING_PERIOD_SECONDS == "360" && aws_lambda_function.this.environment[0].variables.ROLLING_READ_UNITS_PER_SECOND == "" && aws_s3_bucket_lifecycle_configuration.seen.rule[0].expiration[0].days == 15
    error_message = "EventBridge takes the singular for 1: ${aws_cloudwatch_event_rule.rolling[0].schedule_expression}"
  }
}

run "every_other_setting" {
  module {
    source = "./modules/reconciliation"
  }

  variables {
    table         = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/table" }
    collection    = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee", create_data_access_policy = false }
    failure_queue = { arn = "arn:aws:sqs:eu-central-1:111122223333:shop-failures", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/queue" }
    function = {
      filename                = "tests/terraform/packages/good.zip"
      runtime                 = "python3.12"
      architecture            = "arm64"
      environment             = {}
      environment_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/environment"
      vpc                     = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    }
    settings = {
      concurrency                = 10
      read_units_per_second      = 500
      recheck_delay_seconds      = 60
      memory_size                = 512
      report_bucket              = { arn = "arn:aws:s3:::shop-reports", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/report" }
      export_bucket              = { arn = "arn:aws:s3:::shop-exports", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/export" }
      verify_schedule_expression = "rate(1 day)"
    }
  }
  assert {
    condition = slice(jsondecode(aws_iam_role_policy.function.policy).Statement, 8, 17) == [
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/table"] },
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/environment"] },
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/export"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/queue"] },
      { Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::shop-reports/*"] },
      { Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/report"] },
      { Effect = "Allow", Action = ["dynamodb:DescribeExport"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/orders/export/*"] },
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::shop-exports/*"] },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::shop-exports"] },
    ]
    error_message = "Keys and buckets must be in the policy when they are given: ${aws_iam_role_policy.function.policy}"
  }
  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.function.policy).Statement[17].Action, "ec2:CreateNetworkInterface") && length(jsondecode(aws_iam_role_policy.function.policy).Statement) == 18
    error_message = "A function in a VPC makes its network interfaces."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.state_machine.policy, "s3:")
    error_message = "The state machine reads no bucket: ${aws_iam_role_policy.state_machine.policy}"
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.READ_UNITS_PER_SECOND == "500" && aws_lambda_function.this.environment[0].variables.REPORT_BUCKET == "shop-reports" && aws_lambda_function.this.environment[0].variables.RECONCILE_CONCURRENCY == "10" && aws_lambda_function.this.environment[0].variables.RECHECK_DELAY_SECONDS == "60" && aws_lambda_function.this.memory_size == 512
    error_message = "The settings must reach the function: ${jsonencode(aws_lambda_function.this.environment[0].variables)}"
  }
  assert {
    condition     = aws_cloudwatch_event_rule.verify[0].schedule_expression == "rate(1 day)" && jsondecode(aws_cloudwatch_event_target.verify[0].input) == { task = "verify", scheduled = true } && aws_cloudwatch_event_target.verify[0].arn == aws_sfn_state_machine.this.arn
    error_message = "The schedule must start a verification."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.schedule[0].policy).Statement == [{ Effect = "Allow", Action = ["states:StartExecution"], Resource = ["arn:aws:states:eu-central-1:111122223333:stateMachine:shop-sync-reconcile"] }] && jsondecode(aws_iam_role.schedule[0].assume_role_policy).Statement[0].Principal == { Service = "events.amazonaws.com" }
    error_message = "The schedule's role starts this machine and nothing else."
  }
  assert {
    condition     = length(aws_opensearchserverless_access_policy.function) == 0
    error_message = "Alarm and data access policy must be left out when told so."
  }
}

run "refuses_a_name_that_lambda_would_refuse" {
  command = plan
  module {
    source = "./modules/reconciliation"
  }

  variables {
    name = "sync-sync-sync-sync-sync-sync-sync-sync-sync-sync-sync-sync-s-reconcile"
  }
  expect_failures = [var.name]
}
