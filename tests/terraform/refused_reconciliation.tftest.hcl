# The root's reconciliation: what it passes on, and what is refused while planning.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
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

run "refuses_concurrency_of_0" {
  command = plan
  variables {
    reconciliation = { concurrency = 0 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_concurrency_over_100" {
  command = plan
  variables {
    reconciliation = { concurrency = 101 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_half_a_lane" {
  command = plan
  variables {
    reconciliation = { concurrency = 1.5 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_no_read_units" {
  command = plan
  variables {
    reconciliation = { read_units_per_second = 0 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_to_settle_for_less_than_5_seconds" {
  command = plan
  variables {
    reconciliation = { recheck_delay_seconds = 4 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_to_settle_for_more_than_120_seconds" {
  command = plan
  variables {
    reconciliation = { recheck_delay_seconds = 121 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_memory_below_256" {
  command = plan
  variables {
    reconciliation = { memory_size = 255 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_memory_over_10240" {
  command = plan
  variables {
    reconciliation = { memory_size = 10241 }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_a_report_buckets_name_for_its_arn" {
  command = plan
  variables {
    reconciliation = { report_bucket = { arn = "shop-reports" } }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_an_export_bucket_with_a_key" {
  command = plan
  variables {
    reconciliation = { export_bucket = { arn = "arn:aws:s3:::shop-exports/AWSDynamoDB" } }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_a_key_alias_of_the_report_bucket" {
  command = plan
  variables {
    reconciliation = { report_bucket = { arn = "arn:aws:s3:::shop-reports", kms_key_arn = "alias/reports" } }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_a_key_alias_of_the_export_bucket" {
  command = plan
  variables {
    reconciliation = { export_bucket = { arn = "arn:aws:s3:::shop-exports", kms_key_arn = "alias/exports" } }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_a_schedule_that_is_none" {
  command = plan
  variables {
    reconciliation = { verify_schedule_expression = "every day" }
  }
  expect_failures = [var.reconciliation]
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

run "refuses_a_rate_with_the_wrong_number" {
  command = plan

  variables {
    reconciliation = { verify_schedule_expression = "rate(5 minute)" }
  }
  expect_failures = [var.reconciliation]
}

run "refuses_a_cron_without_a_question_mark" {
  command = plan

  variables {
    reconciliation = { verify_schedule_expression = "cron(0 3 * * * *)" }
  }
  expect_failures = [var.reconciliation]
}
