# Refused while planning: function, log group, queue, role, alarms, dashboard.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_name_with_capitals" {
  command = plan

  variables {
    name = "SearchSync"
  }
  expect_failures = [var.name]
}

run "refuses_name_too_long_for_the_names_made_of_it" {
  command = plan

  variables {
    name = "abcdefghijklmnopqrstuvwxy"
  }
  expect_failures = [var.name]
}

run "refuses_function_name_with_a_point" {
  command = plan

  variables {
    function = { name = "sync.data" }
  }
  expect_failures = [var.function]
}

run "refuses_runtime_python3_11" {
  command = plan

  variables {
    function = { runtime = "python3.11" }
  }
  expect_failures = [var.function]
}

run "refuses_unknown_architecture" {
  command = plan

  variables {
    function = { architecture = "amd64" }
  }
  expect_failures = [var.function]
}

run "refuses_memory_below_128" {
  command = plan

  variables {
    function = { memory_size = 127 }
  }
  expect_failures = [var.function]
}

run "refuses_memory_over_10240" {
  command = plan

  variables {
    function = { memory_size = 10241 }
  }
  expect_failures = [var.function]
}

run "refuses_margin_below_5" {
  command = plan

  variables {
    function = { max_clock_skew_seconds = 4 }
  }
  expect_failures = [var.function]
}

run "refuses_margin_over_300" {
  command = plan

  variables {
    function = { max_clock_skew_seconds = 301, timeout = 900 }
  }
  expect_failures = [var.function]
}

run "refuses_margin_with_a_fraction" {
  command = plan

  variables {
    function = { max_clock_skew_seconds = 5.5 }
  }
  expect_failures = [var.function]
}

run "refuses_timeout_too_short_for_a_resync" {
  command = plan

  variables {
    function = { timeout = 109 }
  }
  expect_failures = [var.function]
}

run "refuses_timeout_too_short_for_a_resync_with_a_wide_margin" {
  command = plan

  variables {
    function = { timeout = 300, max_clock_skew_seconds = 106 }
  }
  expect_failures = [var.function]
}

run "refuses_timeout_over_900" {
  command = plan

  variables {
    function = { timeout = 901 }
  }
  expect_failures = [var.function]
}

run "refuses_unknown_log_keys" {
  command = plan

  variables {
    function = { log_keys = "none" }
  }
  expect_failures = [var.function]
}

run "refuses_metric_namespace_of_aws" {
  command = plan

  variables {
    function = { metric_namespace = "AWS/Lambda" }
  }
  expect_failures = [var.function]
}

run "refuses_metric_namespace_with_a_colon" {
  command = plan

  variables {
    function = { metric_namespace = "a:b" }
  }
  expect_failures = [var.function]
}

run "refuses_reserved_concurrency_of_0" {
  command = plan

  variables {
    function = { reserved_concurrency = 0 }
  }
  expect_failures = [var.function]
}

run "refuses_environment_key_alias_for_a_key" {
  command = plan

  variables {
    function = { environment_kms_key_arn = "alias/environment" }
  }
  expect_failures = [var.function]
}

run "refuses_vpc_without_subnets" {
  command = plan

  variables {
    function = { vpc = { subnet_ids = [], security_group_ids = ["sg-1"] } }
  }
  expect_failures = [var.function]
}

run "refuses_log_group_name_with_a_space" {
  command = plan

  variables {
    log_group = { name = "my log" }
  }
  expect_failures = [var.log_group]
}

run "refuses_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_group = { retention_days = 10 }
  }
  expect_failures = [var.log_group]
}

run "refuses_retention_for_ever" {
  command = plan

  variables {
    log_group = { retention_days = 0 }
  }
  expect_failures = [var.log_group]
}

run "refuses_fifo_failure_queue" {
  command = plan

  variables {
    failure_queue = { name = "failures.fifo" }
  }
  expect_failures = [var.failure_queue]
}

run "refuses_visibility_timeout_shorter_than_the_function" {
  command = plan

  variables {
    failure_queue = { visibility_timeout_seconds = 299 }
  }
  expect_failures = [var.failure_queue]
}

run "refuses_visibility_timeout_over_12_hours" {
  command = plan

  variables {
    failure_queue = { visibility_timeout_seconds = 43201 }
  }
  expect_failures = [var.failure_queue]
}

run "refuses_queue_key_alias_for_a_key" {
  command = plan

  variables {
    failure_queue = { kms_key_arn = "alias/queue" }
  }
  expect_failures = [var.failure_queue]
}

run "refuses_role_name_with_a_slash" {
  command = plan

  variables {
    role = { name = "team/role" }
  }
  expect_failures = [var.role]
}

run "refuses_role_path_without_slashes" {
  command = plan

  variables {
    role = { path = "team" }
  }
  expect_failures = [var.role]
}

run "refuses_policy_name_with_a_space" {
  command = plan

  variables {
    role = { policy_names = { stream = "my policy" } }
  }
  expect_failures = [var.role]
}

run "refuses_two_policies_of_one_name" {
  command = plan

  variables {
    role = { policy_names = { stream = "same", table = "same" } }
  }
  expect_failures = [var.role]
}

run "refuses_the_name_of_an_existing_role" {
  command = plan

  variables {
    existing_role = { arn = "existing" }
  }
  expect_failures = [var.existing_role]
}

run "refuses_existing_role_with_a_new_name" {
  command = plan

  variables {
    existing_role = { arn = "arn:aws:iam::111122223333:role/existing" }
    role          = { name = "new" }
  }
  expect_failures = [var.existing_role]
}

run "refuses_alarm_prefix_with_a_space" {
  command = plan

  variables {
    alarms = { name_prefix = "my alarms" }
  }
  expect_failures = [var.alarms]
}

run "refuses_alarm_action_that_is_no_arn" {
  command = plan

  variables {
    alarms = { actions = ["on-call"] }
  }
  expect_failures = [var.alarms]
}

run "refuses_failure_age_over_the_retention" {
  command = plan

  variables {
    alarms = { failure_age_seconds = 84901 }
  }
  expect_failures = [var.alarms]
}

run "refuses_iterator_age_that_a_waking_collection_reaches" {
  command = plan

  variables {
    alarms = { iterator_age_seconds = 119 }
  }
  expect_failures = [var.alarms]
}

run "refuses_iterator_age_within_the_batching_window" {
  command = plan

  variables {
    alarms  = { iterator_age_seconds = 400 }
    trigger = { maximum_batching_window_seconds = 300 }
  }
  expect_failures = [var.alarms]
}

run "refuses_iterator_age_over_the_life_of_a_stream" {
  command = plan

  variables {
    alarms = { iterator_age_seconds = 86401 }
  }
  expect_failures = [var.alarms]
}

run "refuses_a_name_that_the_rule_of_its_schedule_could_not_have" {
  command = plan

  variables {
    function = { name = "abcdefghijklmnopqrstuvwxyz0123456789_-ABCDEFGHIJKLMNO" }
  }
  expect_failures = [var.function]
}

run "refuses_an_environment_over_4_kb" {
  command = plan

  variables {
    table    = { name = substr(join("", [for number in range(2) : sha512("t${number}")]), 0, 255), hash_key = { name = join("", [sha512("h"), substr(sha512("i"), 0, 127)]) } }
    function = { metric_namespace = substr(join("", [for number in range(2) : sha512("n${number}")]), 0, 255) }
    index    = { mapping = jsonencode({ properties = { for number in range(26) : sha512("m${number}") => { type = "keyword" } } }) }
  }
  expect_failures = [aws_lambda_function.this]
}

# 3,900 characters, 4,400 bytes.
run "refuses_an_environment_over_4_kb_by_its_bytes" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/abc/stream/1", key_attributes = [for each in ["é", "ü"] : join("", [for number in range(250) : each])] }
    function       = { metric_namespace = substr(join("", [for number in range(2) : sha512("n${number}")]), 0, 255) }
    index          = { mapping = jsonencode({ properties = { for number in range(22) : sha512("m${number}") => { type = "keyword" } } }) }
  }
  expect_failures = [aws_lambda_function.this]
}

run "takes_as_many_characters_of_one_byte" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/abc/stream/1", key_attributes = [for each in ["e", "u"] : join("", [for number in range(250) : each])] }
    function       = { metric_namespace = substr(join("", [for number in range(2) : sha512("n${number}")]), 0, 255) }
    index          = { mapping = jsonencode({ properties = { for number in range(22) : sha512("m${number}") => { type = "keyword" } } }) }
  }
}

run "refuses_a_policy_named_like_the_default_of_another" {
  command = plan

  variables {
    role = { policy_names = { stream = "searchsync-table" } }
  }
  expect_failures = [var.role]
}

run "refuses_a_dashboards_name_with_a_point" {
  command = plan

  variables {
    dashboard = { enabled = true, name = "orders.search" }
  }
  expect_failures = [var.dashboard]
}

run "refuses_a_dashboards_name_of_256_characters" {
  command = plan

  variables {
    dashboard = { enabled = true, name = substr(join("", [for number in range(3) : sha512("d${number}")]), 0, 256) }
  }
  expect_failures = [var.dashboard]
}
