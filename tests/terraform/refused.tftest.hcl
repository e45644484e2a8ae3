# Refused while planning, by what is known with the resources alone; wrong values are in tests/support/refusing.py.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "refuses_index_name_from_a_table_name_that_is_none" {
  command = plan

  variables {
    table = { hash_key = { name = "id" }, name = "_orders" }
  }
  expect_failures = [aws_lambda_function.this]
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
