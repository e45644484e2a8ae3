# The redrive function's planned settings and its schedule.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "redrive_function_has_its_settings" {
  command = plan

  assert {
    condition     = aws_lambda_function.redrive.function_name == "searchsync-redrive" && aws_lambda_function.redrive.handler == "searchsync.redrive_handler.handle"
    error_message = "The redrive function must have its name and its entry."
  }
  assert {
    condition     = [aws_lambda_function.redrive.timeout, aws_lambda_function.redrive.memory_size, aws_lambda_function.redrive.reserved_concurrent_executions] == [300, 512, -1]
    error_message = "Timeout 300 s, 512 MB and the common concurrency must be set."
  }
  assert {
    condition     = aws_lambda_function.redrive.logging_config[0].log_format == "Text" && aws_lambda_function.redrive.logging_config[0].log_group == "/aws/lambda/searchsync-redrive" && aws_cloudwatch_log_group.redrive.retention_in_days == 30
    error_message = "The redrive function must log bare lines to a log group of its own."
  }
  assert {
    condition     = aws_lambda_function.redrive.source_code_hash == filebase64sha256("tests/terraform/packages/good.zip")
    error_message = "A changed zip must be a change of the redrive function."
  }
  assert {
    condition     = length(aws_cloudwatch_event_rule.redrive) + length(aws_cloudwatch_event_target.redrive) + length(aws_lambda_permission.redrive) == 0
    error_message = "Without a schedule nothing may run the redrive function."
  }
}

run "redrive_function_takes_the_functions_settings" {
  command = plan

  variables {
    function = {
      name                    = "a23456789-123456789-123456789-123456789-1234567"
      runtime                 = "python3.13"
      architecture            = "x86_64"
      memory_size             = 1024
      timeout                 = 900
      max_clock_skew_seconds  = 300
      reserved_concurrency    = 3
      environment_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/environment"
      vpc                     = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    }
    package   = { s3_bucket = "packages", s3_key = "searchsync.zip", s3_object_version = "v1", facts = "tests/terraform/packages/other-runtime.json" }
    log_group = { name = "/team/sync", retention_days = 7, kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/log" }
    tags      = { team = "x" }
  }
  assert {
    condition = [
      aws_lambda_function.redrive.function_name,
      aws_lambda_function.redrive.runtime,
      aws_lambda_function.redrive.architectures[0],
      aws_lambda_function.redrive.memory_size,
      aws_lambda_function.redrive.timeout,
      aws_lambda_function.redrive.reserved_concurrent_executions,
      aws_lambda_function.redrive.kms_key_arn,
      aws_lambda_function.redrive.vpc_config[0].subnet_ids,
      aws_lambda_function.redrive.vpc_config[0].security_group_ids,
      aws_lambda_function.redrive.tags,
    ] == ["a23456789-123456789-123456789-123456789-1234567-redrive", "python3.13", "x86_64", 1024, 900, -1, "arn:aws:kms:eu-central-1:111122223333:key/environment", toset(["subnet-1"]), toset(["sg-1"]), tomap({ team = "x" })]
    error_message = "Each function setting but the reserved concurrency must reach the redrive function."
  }
  assert {
    condition     = aws_lambda_function.redrive.s3_bucket == "packages" && aws_lambda_function.redrive.s3_key == "searchsync.zip" && aws_lambda_function.redrive.s3_object_version == "v1" && aws_lambda_function.redrive.filename == null
    error_message = "The redrive function's code must come from the S3 object alone."
  }
  assert {
    condition     = aws_cloudwatch_log_group.redrive.retention_in_days == 7 && aws_cloudwatch_log_group.redrive.kms_key_id == var.log_group.kms_key_arn && startswith(aws_cloudwatch_log_group.redrive.name, "/aws/lambda/a2")
    error_message = "Retention and key of the log group must be the redrive function's too."
  }
}

run "takes_a_rate" {
  command = plan

  variables {
    redrive = { schedule_expression = "rate(15 minutes)" }
  }
  assert {
    condition     = aws_cloudwatch_event_rule.redrive[0].schedule_expression == "rate(15 minutes)" && aws_cloudwatch_event_rule.redrive[0].name == "searchsync-redrive"
    error_message = "The schedule must reach the rule."
  }
}

run "takes_a_cron" {
  command = plan

  variables {
    redrive = { schedule_expression = "cron(0/15 8-17 ? * MON-FRI *)" }
  }
  assert {
    condition     = aws_cloudwatch_event_rule.redrive[0].schedule_expression == "cron(0/15 8-17 ? * MON-FRI *)"
    error_message = "The schedule must reach the rule."
  }
}
