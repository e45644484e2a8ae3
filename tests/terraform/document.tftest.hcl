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
