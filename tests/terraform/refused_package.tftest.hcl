# Refused while planning: packages that are missing, or built for something else.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_package_file_that_is_missing" {
  command = plan

  variables {
    package = { file = "tests/terraform/packages/without-zip.zip" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_package_without_its_facts" {
  command = plan

  variables {
    package = { file = "tests/terraform/packages/without-facts.zip" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_package_with_facts_that_are_no_json" {
  command = plan

  variables {
    package = { file = "tests/terraform/packages/facts-not-json.zip" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_package_built_for_another_runtime" {
  command = plan

  variables {
    package = { file = "tests/terraform/packages/other-runtime.zip" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_package_of_another_sha256" {
  command = plan

  variables {
    package = { file = "tests/terraform/packages/other-sha256.zip" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_package_of_other_sources" {
  command = plan

  variables {
    package = { file = "tests/terraform/packages/other-sources.zip" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_s3_package_of_other_sources" {
  command = plan

  variables {
    package = { s3_bucket = "packages", s3_key = "searchsync.zip", s3_object_version = "1", facts = "tests/terraform/packages/other-sources.json" }
  }
  expect_failures = [aws_lambda_function.this]
}
