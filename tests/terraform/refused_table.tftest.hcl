# Refused while planning: tables.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_neither_table_nor_existing_table" {
  command = plan

  variables {
    table = null
  }
  expect_failures = [var.table]
}

run "refuses_table_and_existing_table_together" {
  command = plan

  variables {
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id"] }
  }
  expect_failures = [var.table]
}

run "refuses_table_name_with_a_space" {
  command = plan

  variables {
    table = { hash_key = { name = "id" }, name = "my table" }
  }
  expect_failures = [var.table]
}

run "refuses_table_name_of_two_letters" {
  command = plan

  variables {
    table = { hash_key = { name = "id" }, name = "ab" }
  }
  expect_failures = [var.table]
}

run "refuses_hash_key_of_an_unknown_type" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id", type = "M" } }
  }
  expect_failures = [var.table]
}

run "refuses_range_key_without_a_name" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, range_key = { name = "" } }
  }
  expect_failures = [var.table]
}

run "refuses_range_key_named_like_the_hash_key" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, range_key = { name = "id", type = "N" } }
  }
  expect_failures = [var.table]
}

run "refuses_unknown_stream_view_type" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, stream_view_type = "NEW_IMAGES" }
  }
  expect_failures = [var.table]
}

run "refuses_unknown_billing_mode" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, billing_mode = "ON_DEMAND" }
  }
  expect_failures = [var.table]
}

run "refuses_provisioned_without_capacities" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, billing_mode = "PROVISIONED", read_capacity = 5 }
  }
  expect_failures = [var.table]
}

run "refuses_capacities_without_provisioned" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, read_capacity = 5, write_capacity = 5 }
  }
  expect_failures = [var.table]
}

run "refuses_table_key_alias_for_a_key" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, kms_key_arn = "alias/table" }
  }
  expect_failures = [var.table]
}

run "refuses_table_arn_for_a_stream_arn" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders", key_attributes = ["id"] }
  }
  expect_failures = [var.existing_table]
}

run "refuses_no_key_attributes" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = [] }
  }
  expect_failures = [var.existing_table]
}

run "refuses_three_key_attributes" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = ["a", "b", "c"] }
  }
  expect_failures = [var.existing_table]
}

run "refuses_the_same_key_attribute_twice" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id", "id"] }
  }
  expect_failures = [var.existing_table]
}

run "refuses_empty_key_attribute" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = [""] }
  }
  expect_failures = [var.existing_table]
}

run "refuses_existing_table_key_alias_for_a_key" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id"], kms_key_arn = "alias/table" }
  }
  expect_failures = [var.existing_table]
}

run "refuses_a_key_with_an_empty_part" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "user..id" } }
  }
  expect_failures = [var.table]
}

run "refuses_a_key_below_the_other" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "user" }, range_key = { name = "user.id" } }
  }
  expect_failures = [var.table]
}

run "refuses_an_existing_table_with_a_key_that_is_no_field" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2025-01-01T00:00:00.000", key_attributes = [".id"] }
  }
  expect_failures = [var.existing_table]
}

run "refuses_an_index_attribute_of_another_type" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, index_attributes = { status = "string" } }
  }
  expect_failures = [var.table]
}

run "refuses_the_tables_own_key_as_an_index_attribute" {
  command = plan

  variables {
    table = { name = "searchsync", hash_key = { name = "id" }, index_attributes = { id = "S" } }
  }
  expect_failures = [var.table]
}
