# Refused while planning: what AWS's own service models have no room for.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_seventeen_subnets" {
  command = plan

  variables {
    function = { vpc = { subnet_ids = [for number in range(17) : "subnet-${number}"], security_group_ids = ["sg-1"] } }
  }
  expect_failures = [var.function]
}

run "refuses_six_security_groups" {
  command = plan

  variables {
    function = { vpc = { subnet_ids = ["subnet-1"], security_group_ids = [for number in range(6) : "sg-${number}"] } }
  }
  expect_failures = [var.function]
}

run "refuses_fifty_one_tags" {
  command = plan

  variables {
    tags = { for number in range(51) : "k${number}" => "v" }
  }
  expect_failures = [var.tags]
}

run "refuses_a_tags_key_of_129_characters" {
  command = plan

  variables {
    tags = { "${sha512("k")}x" = "v" }
  }
  expect_failures = [var.tags]
}

run "refuses_a_tags_value_of_257_characters" {
  command = plan

  variables {
    tags = { k = "${sha512("v")}${sha512("v")}x" }
  }
  expect_failures = [var.tags]
}

run "refuses_a_key_attribute_of_256_characters" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "${sha512("k")}${sha512("k")}" } }
  }
  expect_failures = [var.table]
}

run "refuses_a_ttl_attribute_of_256_characters" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, ttl = { attribute = "${sha512("k")}${sha512("k")}" } }
  }
  expect_failures = [var.table]
}

run "refuses_an_alarms_action_of_over_1024_characters" {
  command = plan

  variables {
    alarms = { actions = ["arn:aws:sns:eu-central-1:111122223333:${join("", [for number in range(8) : sha512("a${number}")])}"] }
  }
  expect_failures = [var.alarms]
}

run "refuses_a_kms_key_of_any_length" {
  command = plan

  variables {
    log_group = { kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/${sha512("k")}" }
  }
  expect_failures = [var.log_group]
}
