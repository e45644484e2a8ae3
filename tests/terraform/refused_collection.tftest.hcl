# Refused while planning: collections and indexes.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_neither_collection_nor_existing_collection" {
  command = plan

  variables {
    collection = null
  }
  expect_failures = [var.collection]
}

run "refuses_collection_and_existing_collection_together" {
  command = plan

  variables {
    existing_collection = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "https://abc123.eu-central-1.aoss.amazonaws.com" }
  }
  expect_failures = [var.collection]
}

run "refuses_private_collection_without_a_vpc_for_the_function" {
  command = plan

  variables {
    collection = { name = "searchsync", network = "vpc", vpc_endpoint_ids = ["vpce-0123456789abcdef0"] }
  }
  expect_failures = [var.collection]
}

run "refuses_existing_collection_named_with_capitals" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = "Shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "https://abc123.eu-central-1.aoss.amazonaws.com" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_collection_id_for_an_arn" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = "shop", arn = "abc123", endpoint = "https://abc123.eu-central-1.aoss.amazonaws.com" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_endpoint_without_a_scheme" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "abc123.eu-central-1.aoss.amazonaws.com" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_endpoint_in_plain_http" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "http://abc123.eu-central-1.aoss.amazonaws.com" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_dashboard_for_an_endpoint" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "https://abc123.eu-central-1.aoss.amazonaws.com/_dashboards" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_collection_name_of_65_letters" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = join("", [for i in range(65) : "a"]), arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "https://abc123.aoss.eu-central-1.on.aws" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_the_endpoint_of_a_whole_account" {
  command = plan

  variables {
    collection          = null
    existing_collection = { name = "shop", arn = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123", endpoint = "https://111122223333.aoss.eu-central-1.on.aws" }
  }
  expect_failures = [var.existing_collection]
}

run "refuses_index_name_with_capitals" {
  command = plan

  variables {
    index = { name = "Orders" }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_with_a_type_that_no_field_has" {
  command = plan

  variables {
    index = { mapping = jsonencode({ properties = { a = { properties = { b = { type = "strnig" } } } } }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_with_such_a_type_in_a_template" {
  command = plan

  variables {
    index = { mapping = jsonencode({ dynamic_templates = [{ all = { match = "*", mapping = { type = "string" } } }] }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_with_settings" {
  command = plan

  variables {
    index = { mapping = jsonencode({ settings = { number_of_shards = 1 }, properties = { a = { type = "text" } } }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_of_fields_at_its_top" {
  command = plan

  variables {
    index = { mapping = jsonencode({ a = { type = "text" } }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_that_keeps_no_source" {
  command = plan

  variables {
    index = { mapping = jsonencode({ _source = { enabled = false } }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_that_keeps_a_part_of_the_source" {
  command = plan

  variables {
    index = { mapping = jsonencode({ _source = { excludes = ["secret"] } }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_that_wants_a_routing" {
  command = plan

  variables {
    index = { mapping = jsonencode({ _routing = { required = true } }) }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_with_an_unknown_dynamic" {
  command = plan

  variables {
    index = { mapping = jsonencode({ dynamic = "sometimes" }) }
  }
  expect_failures = [var.index]
}

run "refuses_index_settings_that_are_no_json_object" {
  command = plan

  variables {
    index = { settings = "analysis" }
  }
  expect_failures = [var.index]
}

run "refuses_index_settings_that_would_break_the_sync" {
  command = plan

  variables {
    index = { settings = jsonencode({ "index.gc_deletes" = "1h" }) }
  }
  expect_failures = [var.index]
}

run "refuses_such_settings_nested" {
  command = plan

  variables {
    index = { settings = jsonencode({ index = { blocks = { write = true } } }) }
  }
  expect_failures = [var.index]
}

run "refuses_to_adopt_whatever_index_is_there" {
  command = plan

  variables {
    index = { adopt = "yes" }
  }
  expect_failures = [var.index]
}

run "refuses_index_name_with_an_underscore_first" {
  command = plan

  variables {
    index = { name = "_orders" }
  }
  expect_failures = [var.index]
}

run "refuses_index_name_from_a_table_name_that_is_none" {
  command = plan

  variables {
    table = { hash_key = { name = "id" }, name = "_orders" }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_mapping_that_is_no_json" {
  command = plan

  variables {
    index = { mapping = "properties" }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_that_is_a_list" {
  command = plan

  variables {
    index = { mapping = "[]" }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_with_the_word_mappings_around_it" {
  command = plan

  variables {
    index = { mapping = "{\"mappings\":{}}" }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_with_a_property_of_the_keys_name" {
  command = plan

  variables {
    index = { mapping = "{\"properties\":{\"searchsync_key.x\":{\"type\":\"text\"}}}" }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_that_is_off_at_its_top" {
  command = plan

  variables {
    index = { mapping = "{\"enabled\":false}" }
  }
  expect_failures = [var.index]
}

run "refuses_mapping_too_large_for_the_environment" {
  command = plan

  variables {
    index = { mapping = jsonencode({ _meta = [for i in range(500) : sha256(i)] }) }
  }
  expect_failures = [var.index]
}
