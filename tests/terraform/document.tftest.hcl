# The shape of documents.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "_id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "documents_are_whole_and_a_key_may_have_a_name_that_the_engine_keeps" {
  command = plan

  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "DOCUMENT_SHAPE")
    error_message = "Without a shape there is no variable."
  }
}

run "every_function_has_the_shape" {
  command = plan

  variables {
    document = { include = ["name", "address", "a\\.b"], exclude = ["address.city"] }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document)) && aws_lambda_function.redrive.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document))
    error_message = "The sync function and the redrive function must have the shape."
  }
}

run "refuses_a_document_without_its_key" {
  command = plan

  variables {
    document = { exclude = ["_id"] }
  }
  expect_failures = [aws_lambda_function.this]
}

run "every_function_has_the_condition" {
  command = plan

  variables {
    document = { when = jsonencode({ "_deleted" = [{ exists = false }, false], "$or" = [{ a = [":1", "[]"] }, { b = { c = [{ anything-but = { prefix = ["x:"] } }, { numeric = [">", 0, "<=", 5] }] } }] }) }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document)) && aws_lambda_function.redrive.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document))
    error_message = "The sync function and the redrive function must have the condition."
  }
}

run "takes_texts_that_look_like_json" {
  command = plan

  variables {
    document = { when = jsonencode({ a = [":1", "[]", "{}", "\":1", "x\\", null, true, 1.5, { equals-ignore-case = "\"y\":[" }], "[{" = ["z"] }) }
  }
}

run "every_function_has_the_renames_and_the_constants_with_their_types" {
  command = plan

  variables {
    document = {
      include   = ["name", "price", "address", "lines.sku", "a\\.b"]
      exclude   = ["address.d"]
      rename    = { name = "price", price = "cost", "address.c" = "d", "address.e" = "_id", "lines.sku" = "a\\b", "a\\.b" = "b" }
      constants = { tenant = "eu", rank = 1.5, live = true, empty = "", name = "1" }
    }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document)) && aws_lambda_function.redrive.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document))
    error_message = "The sync function and the redrive function must have the renames."
  }
  assert {
    condition     = strcontains(jsonencode(var.document), "\"constants\":{\"empty\":\"\",\"live\":true,\"name\":\"1\",\"rank\":1.5,\"tenant\":\"eu\"}")
    error_message = "A constant's type is its own."
  }
}

run "a_rename_alone_is_a_shape" {
  command = plan

  variables {
    document = { rename = { a = "b" } }
  }
  assert {
    condition     = contains(keys(aws_lambda_function.this.environment[0].variables), "DOCUMENT_SHAPE")
    error_message = "A rename is a shape."
  }
}

run "a_constant_alone_is_a_shape" {
  command = plan

  variables {
    document = { constants = { tenant = "eu" } }
  }
  assert {
    condition     = contains(keys(aws_lambda_function.this.environment[0].variables), "DOCUMENT_SHAPE")
    error_message = "A constant is a shape."
  }
}

run "refuses_a_name_that_is_given_twice" {
  command = plan

  variables {
    document = { rename = { a = "c", b = "c" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_name_that_is_given_twice_in_a_map" {
  command = plan

  variables {
    document = { rename = { "m.a" = "c", "m.b" = "c" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_name_that_a_constant_has_too" {
  command = plan

  variables {
    document = { rename = { a = "c" }, constants = { c = 1 } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_name_that_is_included" {
  command = plan

  variables {
    document = { include = ["a", "b.c"], rename = { a = "b" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_name_in_a_map_that_is_included" {
  command = plan

  variables {
    document = { include = ["m.a", "m.b"], rename = { "m.a" = "b" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_the_name_that_it_has" {
  command = plan

  variables {
    document = { rename = { "m.a" = "a" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_the_name_of_a_key_attribute" {
  command = plan

  variables {
    document = { rename = { a = "key" } }
    table    = { name = "searchsync", hash_key = { name = "key" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_to_exclude_a_key_attribute_with_a_dot" {
  command = plan

  variables {
    table    = { name = "searchsync", hash_key = { name = "id.a" } }
    document = { exclude = ["id\\.a"] }
  }
  expect_failures = [aws_lambda_function.this]
}

run "takes_the_exclusion_of_what_a_key_attributes_name_begins_with" {
  command = plan

  variables {
    table    = { name = "searchsync", hash_key = { name = "id.a" } }
    document = { exclude = ["id.b"] }
  }
}

run "refuses_to_rename_a_key_attribute" {
  command = plan

  variables {
    document = { rename = { key = "a" } }
    table    = { name = "searchsync", hash_key = { name = "key" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_constant_in_place_of_a_key_attribute" {
  command = plan

  variables {
    document = { constants = { key = "a" } }
    table    = { name = "searchsync", hash_key = { name = "key" } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_constant_that_is_included" {
  command = plan

  variables {
    document = { include = ["a"], constants = { a = 1 } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "keeps_the_documents_of_expired_items" {
  command = plan

  variables {
    table    = { name = "searchsync", hash_key = { name = "_id" }, stream_view_type = "NEW_AND_OLD_IMAGES", ttl = { attribute = "a.b" } }
    document = { keep_expired = "a.b", include = ["a\\.b"] }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.DOCUMENT_SHAPE == base64gzip(jsonencode(var.document))
    error_message = "The sync function must have the attribute."
  }
}

run "keeps_them_in_a_view_and_of_a_table_made_elsewhere" {
  command = plan

  variables {
    table          = null
    existing_table = { stream_arn = "arn:aws:dynamodb:us-east-1:123456789012:table/shop/stream/2026-01-01T00:00:00.000", key_attributes = ["_id"] }
    views          = { archive = { document = { keep_expired = "_ttl" } } }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.VIEWS == base64gzip(jsonencode({ archive = { index = "shop-archive", document = { when = null, include = null, exclude = [], rename = {}, constants = {}, keep_expired = "_ttl" } } }))
    error_message = "The sync function must have the view's attribute."
  }
}

run "refuses_to_keep_what_no_old_image_says" {
  command = plan

  variables {
    views = { archive = { document = { keep_expired = "expires" } } }
  }
  expect_failures = [var.table]
}

run "refuses_to_keep_by_another_attribute_than_the_tables" {
  command = plan

  variables {
    table    = { name = "searchsync", hash_key = { name = "_id" }, stream_view_type = "NEW_AND_OLD_IMAGES", ttl = { attribute = "expires" } }
    document = { keep_expired = "expiry" }
  }
  expect_failures = [var.table]
}

run "refuses_to_keep_by_an_attribute_that_documents_do_not_say" {
  command = plan
  module {
    source = "./modules/view"
  }

  variables {
    label          = ""
    key_attributes = ["id"]
    document       = { keep_expired = "a.b", exclude = ["a\\.b.c"] }
  }
  assert {
    condition     = length(output.faults) == 1 && startswith(output.faults[0], "document.keep_expired is \"a.b\", and document.exclude has it that documents do not say this attribute by its name")
    error_message = "The fault must name the setting: ${jsonencode(output.faults)}"
  }
}

run "refuses_to_keep_by_an_attribute_under_another_name" {
  command = plan
  module {
    source = "./modules/view"
  }

  variables {
    label          = ""
    key_attributes = ["id"]
    document       = { keep_expired = "a", rename = { a = "b" } }
  }
  assert {
    condition     = length(output.faults) == 1 && strcontains(output.faults[0], "document.rename has it")
    error_message = "The fault must name the setting: ${jsonencode(output.faults)}"
  }
}

run "refuses_to_keep_by_an_attribute_that_is_not_included" {
  command = plan
  module {
    source = "./modules/view"
  }

  variables {
    label          = ""
    key_attributes = ["id"]
    document       = { keep_expired = "a", include = ["a.b", "ab"] }
  }
  assert {
    condition     = length(output.faults) == 1 && strcontains(output.faults[0], "document.include has it")
    error_message = "The fault must name the setting: ${jsonencode(output.faults)}"
  }
}

run "keeps_by_a_key_attribute" {
  command = plan
  module {
    source = "./modules/view"
  }

  variables {
    label          = ""
    key_attributes = ["id", "a"]
    document       = { keep_expired = "a", include = ["b"] }
  }
  assert {
    condition     = length(output.faults) == 0
    error_message = "A key attribute is always there: ${jsonencode(output.faults)}"
  }
}
