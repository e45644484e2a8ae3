# Refused while planning: trigger settings.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_unknown_starting_position" {
  command = plan

  variables {
    trigger = { starting_position = "AT_TIMESTAMP" }
  }
  expect_failures = [var.trigger]
}

run "refuses_batch_size_of_0" {
  command = plan

  variables {
    trigger = { batch_size = 0 }
  }
  expect_failures = [var.trigger]
}

run "refuses_batch_size_over_10000" {
  command = plan

  variables {
    trigger = { batch_size = 10001 }
  }
  expect_failures = [var.trigger]
}

run "refuses_window_over_300" {
  command = plan

  variables {
    trigger = { maximum_batching_window_seconds = 301 }
  }
  expect_failures = [var.trigger]
}

run "refuses_window_below_0" {
  command = plan

  variables {
    trigger = { maximum_batching_window_seconds = -1 }
  }
  expect_failures = [var.trigger]
}

run "refuses_factor_of_0" {
  command = plan

  variables {
    trigger = { parallelization_factor = 0 }
  }
  expect_failures = [var.trigger]
}

run "refuses_factor_over_10" {
  command = plan

  variables {
    trigger = { parallelization_factor = 11 }
  }
  expect_failures = [var.trigger]
}

run "refuses_age_below_60" {
  command = plan

  variables {
    trigger = { maximum_record_age_seconds = 59 }
  }
  expect_failures = [var.trigger]
}

run "refuses_age_over_604800" {
  command = plan

  variables {
    trigger = { maximum_record_age_seconds = 604801 }
  }
  expect_failures = [var.trigger]
}

run "refuses_retries_below_minus_1" {
  command = plan

  variables {
    trigger = { maximum_retry_attempts = -2 }
  }
  expect_failures = [var.trigger]
}

run "refuses_retries_over_10000" {
  command = plan

  variables {
    trigger = { maximum_retry_attempts = 10001 }
  }
  expect_failures = [var.trigger]
}

run "refuses_bucket_name_for_an_arn" {
  command = plan

  variables {
    trigger = { on_failure_bucket = { arn = "dropped-records" } }
  }
  expect_failures = [var.trigger]
}
