# The planned settings of everything that the module creates.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "trigger_has_every_setting_of_the_design" {
  command = plan

  assert {
    condition     = aws_lambda_event_source_mapping.this.bisect_batch_on_function_error == true
    error_message = "A batch that fails as a whole must be halved: bisect_batch_on_function_error must be true."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "The trigger must read batchItemFailures."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_retry_attempts == -1
    error_message = "Retries must last as long as the records: -1."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds == 79200
    error_message = "Records must be dropped to the destination at 22 hours, before the stream trims them."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.starting_position == "TRIM_HORIZON"
    error_message = "LATEST can miss changes."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.batch_size == 500 && aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 1
    error_message = "Batch size 500 and a window of 1 s must be set."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.parallelization_factor == 1 && aws_lambda_event_source_mapping.this.tumbling_window_in_seconds == 0
    error_message = "Parallelization factor 1 and no tumbling window must be set."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.enabled == true
    error_message = "The trigger must be on."
  }
  assert {
    condition     = length(aws_lambda_event_source_mapping.this.filter_criteria) == 0
    error_message = "A filter would hide the change that leaves it: selection belongs in the function."
  }
}

run "trigger_takes_other_settings" {
  command = plan

  variables {
    trigger = {
      enabled                         = false
      starting_position               = "LATEST"
      batch_size                      = 10000
      maximum_batching_window_seconds = 300
      parallelization_factor          = 10
      maximum_record_age_seconds      = -1
      maximum_retry_attempts          = 10000
      bisect_batch_on_function_error  = false
      on_failure_bucket               = { arn = "arn:aws:s3:::dropped-records" }
    }
  }
  assert {
    condition = [
      aws_lambda_event_source_mapping.this.enabled,
      aws_lambda_event_source_mapping.this.bisect_batch_on_function_error,
      aws_lambda_event_source_mapping.this.starting_position,
      aws_lambda_event_source_mapping.this.batch_size,
      aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds,
      aws_lambda_event_source_mapping.this.parallelization_factor,
      aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds,
      aws_lambda_event_source_mapping.this.maximum_retry_attempts,
      aws_lambda_event_source_mapping.this.destination_config[0].on_failure[0].destination_arn,
    ] == [false, false, "LATEST", 10000, 300, 10, -1, 10000, "arn:aws:s3:::dropped-records"]
    error_message = "Each trigger setting must reach the mapping."
  }
}

run "there_is_no_dashboard_unless_it_is_asked_for" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard_name == null && output.dashboard_arn == null
    error_message = "A dashboard costs: it must be off by default."
  }
}

run "dashboard_is_named_like_the_stack" {
  command = plan

  variables {
    dashboard = { enabled = true }
  }
  assert {
    condition     = aws_cloudwatch_dashboard.this[0].dashboard_name == "searchsync" && output.dashboard_name == "searchsync"
    error_message = "The dashboard's default name must be the stack's."
  }
}

run "dashboard_without_alarms_has_no_lines_and_no_widget_of_them" {
  variables {
    table     = { name = "searchsync", hash_key = { name = "id" }, deletion_protection = false }
    alarms    = { enabled = false }
    dashboard = { enabled = true, name = "Other_1" }
  }
  assert {
    condition     = aws_cloudwatch_dashboard.this[0].dashboard_name == "Other_1"
    error_message = "The dashboard must have the name that was given."
  }
  assert {
    condition     = !contains([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.type], "alarm") && jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].width == 24
    error_message = "Without alarms the text must have the whole row."
  }
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : length(widget.properties.annotations.horizontal) == 0 if widget.type == "metric"])
    error_message = "A line must be an alarm's threshold."
  }
}

run "table_has_its_stream_and_its_protection" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this[0].stream_enabled && aws_dynamodb_table.this[0].stream_view_type == "NEW_IMAGE"
    error_message = "The table's stream must carry the new image."
  }
  assert {
    condition     = aws_dynamodb_table.this[0].name == "searchsync" && aws_dynamodb_table.this[0].hash_key == "id" && aws_dynamodb_table.this[0].range_key == null
    error_message = "The table must have its name and its hash key alone."
  }
  assert {
    condition     = aws_dynamodb_table.this[0].billing_mode == "PAY_PER_REQUEST" && aws_dynamodb_table.this[0].deletion_protection_enabled && aws_dynamodb_table.this[0].point_in_time_recovery[0].enabled
    error_message = "The table must be paid by request, protected from deletion and backed up."
  }
  assert {
    condition     = output.key_attributes == ["id"]
    error_message = "The key attributes must be those of the table."
  }
}

run "table_takes_other_settings" {
  command = plan

  variables {
    table = {
      name                   = "Orders"
      hash_key               = { name = "customer", type = "B" }
      range_key              = { name = "order", type = "N" }
      stream_view_type       = "KEYS_ONLY"
      billing_mode           = "PROVISIONED"
      read_capacity          = 5
      write_capacity         = 6
      point_in_time_recovery = false
      deletion_protection    = false
      kms_key_arn            = "arn:aws:kms:eu-central-1:111122223333:key/table"
      ttl                    = { attribute = "expires" }
    }
  }
  assert {
    condition     = aws_dynamodb_table.this[0].hash_key == "customer" && aws_dynamodb_table.this[0].range_key == "order" && aws_dynamodb_table.this[0].attribute == toset([{ name = "customer", type = "B" }, { name = "order", type = "N" }])
    error_message = "Both key attributes must be declared with their types."
  }
  assert {
    condition     = aws_dynamodb_table.this[0].read_capacity == 5 && aws_dynamodb_table.this[0].write_capacity == 6
    error_message = "The capacities must reach the table."
  }
  assert {
    condition     = aws_dynamodb_table.this[0].server_side_encryption[0].kms_key_arn == var.table.kms_key_arn && aws_dynamodb_table.this[0].ttl[0].attribute_name == "expires" && aws_dynamodb_table.this[0].ttl[0].enabled
    error_message = "The key and the expiry attribute must reach the table."
  }
  assert {
    condition     = output.key_attributes == ["customer", "order"] && output.index_name == "orders"
    error_message = "The hash key must come first, and the index be named like the table in lower case."
  }
  assert {
    condition     = aws_dynamodb_table.this[0].stream_view_type == "KEYS_ONLY" && !aws_dynamodb_table.this[0].deletion_protection_enabled && !aws_dynamodb_table.this[0].point_in_time_recovery[0].enabled
    error_message = "Stream type, protection and backups must reach the table."
  }
}

run "function_has_its_settings" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.12" && aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.handler == "searchsync.handler.handle"
    error_message = "The function must run on python3.12 and arm64 with the package's handler."
  }
  assert {
    condition     = aws_lambda_function.this.timeout == 300 && aws_lambda_function.this.memory_size == 512 && aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "Timeout 300 s, 512 MB and the common concurrency must be set."
  }
  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_format == "Text" && aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/searchsync"
    error_message = "The function must log bare lines to its own log group."
  }
  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("tests/terraform/packages/good.zip")
    error_message = "A changed zip must be a change of the function."
  }
  assert {
    condition     = aws_cloudwatch_log_group.function.retention_in_days == 30
    error_message = "The log must end after 30 days."
  }
}

run "function_takes_python3_13_and_other_settings" {
  command = plan

  variables {
    function = {
      name                    = "other"
      runtime                 = "python3.13"
      architecture            = "x86_64"
      memory_size             = 1024
      timeout                 = 900
      max_clock_skew_seconds  = 300
      log_keys                = "hashed"
      reserved_concurrency    = 3
      environment_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/environment"
      vpc                     = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    }
    package   = { s3_bucket = "packages", s3_key = "searchsync.zip", s3_object_version = "v1", facts = "tests/terraform/packages/other-runtime.json" }
    log_group = { name = "/team/sync", retention_days = 7, kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/log" }
  }
  assert {
    condition = [
      aws_lambda_function.this.function_name,
      aws_lambda_function.this.runtime,
      aws_lambda_function.this.architectures[0],
      aws_lambda_function.this.memory_size,
      aws_lambda_function.this.timeout,
      aws_lambda_function.this.reserved_concurrent_executions,
      aws_lambda_function.this.kms_key_arn,
      aws_lambda_function.this.vpc_config[0].subnet_ids,
      aws_lambda_function.this.vpc_config[0].security_group_ids,
    ] == ["other", "python3.13", "x86_64", 1024, 900, 3, "arn:aws:kms:eu-central-1:111122223333:key/environment", toset(["subnet-1"]), toset(["sg-1"])]
    error_message = "Each function setting must reach the function."
  }
  assert {
    condition     = aws_lambda_function.this.s3_bucket == "packages" && aws_lambda_function.this.s3_key == "searchsync.zip" && aws_lambda_function.this.s3_object_version == "v1" && aws_lambda_function.this.filename == null
    error_message = "The function's code must come from the S3 object alone."
  }
  assert {
    condition     = aws_cloudwatch_log_group.function.name == "/team/sync" && aws_cloudwatch_log_group.function.retention_in_days == 7 && aws_cloudwatch_log_group.function.kms_key_id == var.log_group.kms_key_arn
    error_message = "Each log group setting must reach the log group."
  }
}

run "failure_queue_is_encrypted_and_keeps_14_days" {
  command = plan

  assert {
    condition     = aws_sqs_queue.failures.message_retention_seconds == 14 * 24 * 3600 && aws_sqs_queue.failures.name == "searchsync-failures"
    error_message = "Failures must be kept 14 days."
  }
  assert {
    condition     = aws_sqs_queue.failures.sqs_managed_sse_enabled && aws_sqs_queue.failures.kms_master_key_id == null
    error_message = "The queue must be encrypted by SQS."
  }
  assert {
    condition     = aws_sqs_queue.failures.visibility_timeout_seconds == 900
    error_message = "A message must stay hidden for as long as a function can run."
  }
}

run "failure_queue_takes_other_settings" {
  command = plan

  variables {
    failure_queue = { name = "lost", visibility_timeout_seconds = 3600, kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/queue" }
  }
  assert {
    condition     = aws_sqs_queue.failures.name == "lost" && aws_sqs_queue.failures.visibility_timeout_seconds == 3600 && aws_sqs_queue.failures.kms_master_key_id == var.failure_queue.kms_key_arn && aws_sqs_queue.failures.kms_data_key_reuse_period_seconds == 300
    error_message = "Each queue setting must reach the queue."
  }
}

run "alarms_watch_queue_stream_errors_and_repair" {
  command = plan

  variables {
    alarms = { name_prefix = "team-x", actions = ["arn:aws:sns:eu-central-1:111122223333:on-call"] }
  }
  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.statistic, alarm.threshold] if alarm.metric_name != null } == {
      failures              = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", tomap({ QueueName = "searchsync-failures" }), "Maximum", 0]
      iterator-age          = ["AWS/Lambda", "IteratorAge", tomap({ FunctionName = "searchsync" }), "Maximum", 3600000]
      errors                = ["AWS/Lambda", "Errors", tomap({ FunctionName = "searchsync" }), "Sum", 0]
      redrive-errors        = ["AWS/Lambda", "Errors", tomap({ FunctionName = "searchsync-redrive" }), "Sum", 0]
      repair-needed         = ["searchsync", "RepairNeeded", tomap({ FunctionName = "searchsync" }), "Maximum", 0]
      redrive-repair-needed = ["searchsync", "RepairNeeded", tomap({ FunctionName = "searchsync-redrive" }), "Maximum", 0]
      drift                 = ["searchsync", "Differences", tomap({ FunctionName = "searchsync-reconcile" }), "Maximum", 0]
    }
    error_message = "The alarms of one metric must watch it with their threshold."
  }
  assert {
    condition     = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [for query in alarm.metric_query : query.expression if query.expression != null && query.expression != ""] if alarm.metric_name == null } == { stream-unread = [local.alarms["stream-unread"].expression], reconciliation-failed = [local.alarms["reconciliation-failed"].expression] }
    error_message = "The others must watch their expression."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["failures"].evaluation_periods == 4 && aws_cloudwatch_metric_alarm.this["failures"].datapoints_to_alarm == 1
    error_message = "Messages that a redrive hides for the visibility timeout must not end the alarm."
  }
  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name == "team-x-${key}" && alarm.alarm_actions == toset(var.alarms.actions) && alarm.ok_actions == toset(var.alarms.actions) && alarm.comparison_operator == "GreaterThanThreshold" && alarm.treat_missing_data == "ignore"])
    error_message = "Each alarm must have its name and its actions, and keep its state without data."
  }
}

run "an_alarm_watches_a_rolling_verification_that_is_on" {
  command = plan

  variables {
    reconciliation = { rolling = { period_hours = 24, every_minutes = 15 } }
  }
  assert {
    condition = [for alarm in [aws_cloudwatch_metric_alarm.this["rolling-late"]] : [alarm.metric_name, alarm.dimensions, alarm.statistic, alarm.threshold, alarm.period, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.treat_missing_data]] == [
      ["RollingAge", tomap({ FunctionName = "searchsync-reconcile" }), "Maximum", 86400, 900, 3, 3, "breaching"]
    ]
    error_message = "It must ring for parts older than the period, and where nothing is said of them."
  }
}

run "alarms_can_be_left_out" {
  command = plan

  variables {
    alarms = { enabled = false }
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "No alarm must be created."
  }
}

run "collection_takes_its_name_and_its_readers" {
  command = plan

  variables {
    collection = { name = "shop", network = "public", data_access_principals = ["arn:aws:iam::111122223333:role/reader"] }
  }
  assert {
    condition     = module.collection[0].name == "shop" && module.collection[0].data_access_policy_name == "shop"
    error_message = "Name and readers must reach the collection."
  }
}

run "names_of_the_run_through_fit" {
  command = plan

  variables {
    name     = "walk-through"
    function = { name = "sync-data-with-dynamodb-stream" }
    role = {
      name                     = "lambda-lab-role"
      path                     = "/lab/"
      permissions_boundary_arn = "arn:aws:iam::111122223333:policy/bound"
      policy_names             = { stream = "dynamodb-stream-data", collection = "aoss-policy" }
    }
  }
  assert {
    condition     = aws_iam_role.this[0].name == "lambda-lab-role" && aws_iam_role.this[0].path == "/lab/" && aws_iam_role.this[0].permissions_boundary == var.role.permissions_boundary_arn
    error_message = "The role must take its name, path and boundary."
  }
  assert {
    condition     = [aws_iam_role_policy.stream.name, aws_iam_role_policy.collection.name, aws_iam_role_policy.table.name, aws_iam_role_policy.failures.name, aws_iam_role_policy.function.name] == ["dynamodb-stream-data", "aoss-policy", "walk-through-table", "walk-through-failures", "walk-through-function"]
    error_message = "Given policy names must be taken, others carry the module's prefix."
  }
  assert {
    condition     = output.function_name == "sync-data-with-dynamodb-stream" && output.log_group_name == "/aws/lambda/sync-data-with-dynamodb-stream" && output.failure_queue_name == "walk-through-failures" && output.collection_name == "searchsync" && output.table_name == "searchsync" && output.data_access_policy_name == "walk-through-writer"
    error_message = "Names that are not given must carry the module's prefix; those of table and collection do not hang on it."
  }
}

run "run_is_always_there_and_named_after_the_function" {
  variables {
    function = { name = "shop-sync" }
  }
  assert {
    condition     = output.reconciliation_function_name == "shop-sync-reconcile" && output.reconciliation_state_machine_arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:searchsync-reconcile"
    error_message = "The run's names follow the function's: ${output.reconciliation_function_name}"
  }
}

run "takes_a_cron_expression" {
  command = plan
  variables {
    reconciliation = { verify_schedule_expression = "cron(0 3 * * ? *)" }
  }
  assert {
    condition     = var.reconciliation.verify_schedule_expression == "cron(0 3 * * ? *)"
    error_message = "EventBridge takes cron expressions."
  }
}

run "takes_a_rolling_verification_by_its_defaults" {
  command = plan

  variables {
    reconciliation = { rolling = {} }
  }
  assert {
    condition     = jsonencode(var.reconciliation.rolling) == jsonencode({ period_hours = 720, every_minutes = 60, read_units_per_second = null })
    error_message = "A month, looked for each hour: ${jsonencode(var.reconciliation.rolling)}"
  }
}
