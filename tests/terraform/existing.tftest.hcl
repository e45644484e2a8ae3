# A table, a collection and a role that are there already.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name = "searchsync"
  existing_table = {
    stream_arn     = "arn:aws:dynamodb:eu-central-1:111122223333:table/Orders/stream/2025-01-01T00:00:00.000"
    key_attributes = ["customer", "order"]
    kms_key_arn    = "arn:aws:kms:eu-central-1:111122223333:key/table"
  }
  existing_collection = {
    name     = "shop"
    arn      = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123"
    endpoint = "https://abc123.eu-central-1.aoss.amazonaws.com"
  }
  existing_role = { arn = "arn:aws:iam::111122223333:role/team/existing" }
  package       = { file = "tests/terraform/packages/good.zip" }
}

run "nothing_existing_is_created_again" {
  command = plan

  assert {
    condition     = length(aws_dynamodb_table.this) == 0 && length(module.collection) == 0 && length(aws_iam_role.this) == 0
    error_message = "Table, collection and role must stay as they are."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.event_source_arn == var.existing_table.stream_arn
    error_message = "The trigger must read the given stream, known while planning."
  }
  assert {
    condition     = aws_lambda_function.this.role == "arn:aws:iam::111122223333:role/team/existing"
    error_message = "The role's ARN must keep its path."
  }
  assert {
    condition     = output.table_name == "Orders" && output.table_arn == "arn:aws:dynamodb:eu-central-1:111122223333:table/Orders" && output.index_name == "orders" && output.collection_id == "abc123" && output.dashboard_endpoint == null
    error_message = "Names must be derived from the given ARNs."
  }
}

run "existing_role_gets_the_policies_under_the_module_prefix" {
  command = plan

  assert {
    condition = [for policy in [aws_iam_role_policy.stream, aws_iam_role_policy.collection, aws_iam_role_policy.table, aws_iam_role_policy.failures, aws_iam_role_policy.function] : "${policy.role}/${policy.name}"] == [
      "existing/searchsync-stream", "existing/searchsync-collection", "existing/searchsync-table", "existing/searchsync-failures", "existing/searchsync-function"
    ]
    error_message = "The policies must be put on the role without overwriting its own."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.stream.policy).Statement == [
      { Effect = "Allow", Action = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/Orders/stream/2025-01-01T00:00:00.000"] },
      { Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] },
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/table"] },
    ]
    error_message = "The given stream must be readable, with its table's key: ${aws_iam_role_policy.stream.policy}"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.table.policy).Statement[0].Resource == ["arn:aws:dynamodb:eu-central-1:111122223333:table/Orders"] && jsondecode(aws_iam_role_policy.collection.policy).Statement[0].Resource == ["arn:aws:aoss:eu-central-1:111122223333:collection/abc123"]
    error_message = "The given table and collection must be the policies' resources."
  }
}

run "existing_collection_gets_a_data_access_policy" {
  command = plan

  assert {
    condition = jsondecode(aws_opensearchserverless_access_policy.function[0].policy) == [{
      Principal = ["arn:aws:iam::111122223333:role/team/existing"]
      Rules = [{
        Permission   = ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"]
        Resource     = ["index/shop/orders"]
        ResourceType = "index"
      }]
    }]
    error_message = "The data access policy must admit the existing role to the index."
  }
}

run "existing_collection_keeps_its_own_data_access_policies" {
  command = plan

  variables {
    existing_collection = {
      name                      = "shop"
      arn                       = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123"
      endpoint                  = "https://abc123.eu-central-1.aoss.amazonaws.com"
      create_data_access_policy = false
    }
  }
  assert {
    condition     = length(aws_opensearchserverless_access_policy.function) == 0 && output.data_access_policy_name == null
    error_message = "No data access policy must be created."
  }
}

run "user_mapping_reaches_the_environment" {
  variables {
    index = { name = "products", mapping = "{\"properties\":{\"name\":{\"type\":\"text\"}}}" }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.INDEX_MAPPING == base64gzip(var.index.mapping) && aws_lambda_function.this.environment[0].variables.OPENSEARCH_INDEX == "products" && aws_lambda_function.this.environment[0].variables.KEY_ATTRIBUTES == "[\"customer\",\"order\"]"
    error_message = "Mapping, index and key attributes must reach the function."
  }
}

run "settings_of_the_index_reach_the_environment" {
  command = plan

  variables {
    index = { settings = jsonencode({ analysis = { analyzer = { blocks = { type = "standard" } } }, "index.number_of_shards" = 3 }) }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.INDEX_SETTINGS == base64gzip(var.index.settings)
    error_message = "Settings must reach the function."
  }
}

run "a_mapping_of_all_kinds_is_taken" {
  command = plan

  variables {
    index = { mapping = jsonencode({
      _meta             = { type = "ours" }
      _source           = { enabled = true }
      dynamic           = "strict"
      date_detection    = false
      dynamic_templates = [{ all = { match_mapping_type = "*", mapping = { type = "{dynamic_type}", doc_values = false } } }]
      properties = {
        type   = { type = "keyword" }
        name   = { type = "text", fields = { raw = { type = "keyword" } }, meta = { type = "ours" } }
        parent = { type = "join", relations = { type = "child" } }
        vector = { type = "knn_vector", dimension = 3, method = { name = "hnsw", engine = "faiss", parameters = { encoder = { name = "sq", parameters = { type = "fp16" } } } } }
      }
    }) }
  }
  assert {
    condition     = length(aws_lambda_function.this.environment[0].variables.INDEX_MAPPING) > 0
    error_message = "What OpenSearch takes must be taken."
  }
}

run "an_index_that_is_taken_over_may_be_marked" {
  variables {
    index = { adopt = "billing arn:aws:dynamodb:eu-central-1:111122223333:table/Orders" }
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.INDEX_ADOPT == var.index.adopt
    error_message = "The function must know whose index it may take."
  }
  assert {
    condition     = jsondecode(aws_opensearchserverless_access_policy.function[0].policy)[0].Rules[0].Permission == ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:UpdateIndex", "aoss:WriteDocument"]
    error_message = "The role must be able to mark the index."
  }
}

run "an_index_that_is_not_taken_over_is_never_changed" {
  assert {
    condition     = !strcontains(aws_opensearchserverless_access_policy.function[0].policy, "UpdateIndex") && !can(aws_lambda_function.this.environment[0].variables.INDEX_ADOPT)
    error_message = "UpdateIndex must be given with index.adopt alone."
  }
}

run "nextgen_collection_is_taken_whatever_aws_let_it_be_called" {
  command = plan

  variables {
    name = "abcdefghijklmnopqrstuvwx"
    existing_collection = {
      name     = "shop_abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz_12345"
      arn      = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123"
      endpoint = "https://abc123.aoss.eu-central-1.on.aws"
    }
  }
  assert {
    condition     = length(var.existing_collection.name) == 64 && jsondecode(aws_opensearchserverless_access_policy.function[0].policy)[0].Rules[0].Resource == ["index/${var.existing_collection.name}/orders"]
    error_message = "The data access policy must name the collection whole."
  }
  assert {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", aws_opensearchserverless_access_policy.function[0].name))
    error_message = "AWS takes 3 to 32 characters for a policy's name: nothing of it may come from the collection's."
  }
  assert {
    condition     = aws_lambda_function.this.environment[0].variables.OPENSEARCH_HOST == "https://abc123.aoss.eu-central-1.on.aws" && output.collection_id == "abc123" && output.collection_endpoint == "https://abc123.aoss.eu-central-1.on.aws"
    error_message = "The endpoint must reach function and outputs."
  }
}
