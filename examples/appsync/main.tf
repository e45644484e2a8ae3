# A GraphQL API with conflict detection: AppSync versions the items of its table and marks deleted ones, the index follows.

provider "aws" {
  region = var.region
}

################################################################################
# Tables
################################################################################

# The base table. AppSync gives each item `_version` and `_lastChangedAt`, a deleted one `_deleted` and `_ttl` too.
resource "aws_dynamodb_table" "posts" {
  #checkov:skip=CKV_AWS_28:an example's table goes with the example
  #checkov:skip=CKV_AWS_119:examples/customer-keys has a key of one's own

  name             = "posts"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_IMAGE"

  attribute {
    name = "id"
    type = "S"
  }

  # AppSync only says when: DynamoDB deletes what is deleted once this is on.
  ttl {
    attribute_name = "_ttl"
    enabled        = true
  }
}

# The delta table, by its own keys: what has changed, for clients that were offline. Nothing of it is indexed.
resource "aws_dynamodb_table" "delta" {
  #checkov:skip=CKV_AWS_28:it can be done without: clients that find nothing here read the base table
  #checkov:skip=CKV_AWS_119:examples/customer-keys has a key of one's own

  name         = "posts-delta"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "ds_pk"
  range_key    = "ds_sk"

  attribute {
    name = "ds_pk"
    type = "S"
  }

  attribute {
    name = "ds_sk"
    type = "S"
  }

  ttl {
    attribute_name = "_ttl"
    enabled        = true
  }
}

################################################################################
# API
################################################################################

resource "aws_appsync_graphql_api" "this" {
  #checkov:skip=CKV_AWS_193:an example goes without the API's log
  #checkov:skip=CKV_AWS_194:the same
  #checkov:skip=CKV2_AWS_33:callers sign with IAM, nobody else comes in

  name                = "posts"
  authentication_type = "AWS_IAM"
  schema              = file("${path.module}/schema.graphql")
}

resource "aws_iam_role" "api" {
  name = "posts-api"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "appsync.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# What AppSync's guide gives to the role of a versioned source, of both tables ("Versioned data sources").
resource "aws_iam_role_policy" "api" {
  name = "tables"
  role = aws_iam_role.api.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
      ]
      Resource = flatten([
        for table in [aws_dynamodb_table.posts, aws_dynamodb_table.delta] : [table.arn, "${table.arn}/*"]
      ])
    }]
  })
}

resource "aws_appsync_datasource" "posts" {
  api_id           = aws_appsync_graphql_api.this.id
  name             = "posts"
  type             = "AMAZON_DYNAMODB"
  service_role_arn = aws_iam_role.api.arn

  dynamodb_config {
    table_name = aws_dynamodb_table.posts.name
    versioned  = true

    delta_sync_config {
      base_table_ttl        = var.keep_deleted_minutes
      delta_sync_table_name = aws_dynamodb_table.delta.name
      delta_sync_table_ttl  = 1440 # a day, in minutes
    }
  }
}

locals {
  key = "{\"id\": $util.dynamodb.toDynamoDBJson($ctx.args.input.id)}"

  # By mutation, the request that AppSync makes of it. `_version` is what the caller knows of the item: another version
  # there is a conflict, and refused.
  mutations = {
    createPost = <<-EOT
      {
        "version": "2018-05-29",
        "operation": "PutItem",
        "key": ${local.key},
        "attributeValues": {
          "author": $util.dynamodb.toDynamoDBJson($ctx.args.input.author),
          "title": $util.dynamodb.toDynamoDBJson($ctx.args.input.title),
          "content": $util.dynamodb.toDynamoDBJson($ctx.args.input.content)
        },
        "_version": $util.defaultIfNull($ctx.args.input.get("_version"), 0)
      }
    EOT
    updatePost = <<-EOT
      {
        "version": "2018-05-29",
        "operation": "UpdateItem",
        "key": ${local.key},
        "update": {
          "expression": "SET title = :title, content = :content",
          "expressionValues": {
            ":title": $util.dynamodb.toDynamoDBJson($ctx.args.input.title),
            ":content": $util.dynamodb.toDynamoDBJson($ctx.args.input.content)
          }
        },
        "_version": $ctx.args.input.get("_version")
      }
    EOT
    deletePost = <<-EOT
      {
        "version": "2018-05-29",
        "operation": "DeleteItem",
        "key": ${local.key},
        "_version": $ctx.args.input.get("_version")
      }
    EOT
  }

  # The item as it is there: after the mutation, or instead of it where there was a conflict.
  response = <<-EOT
    #if($ctx.error)
      $util.error($ctx.error.message, $ctx.error.type, $ctx.result)
    #end
    $util.toJson($ctx.result)
  EOT
}

resource "aws_appsync_resolver" "mutation" {
  for_each = local.mutations

  api_id            = aws_appsync_graphql_api.this.id
  type              = "Mutation"
  field             = each.key
  data_source       = aws_appsync_datasource.posts.name
  request_template  = each.value
  response_template = local.response

  sync_config {
    conflict_detection = "VERSION"
    conflict_handler   = "OPTIMISTIC_CONCURRENCY"
  }
}

resource "aws_appsync_resolver" "get" {
  api_id            = aws_appsync_graphql_api.this.id
  type              = "Query"
  field             = "getPost"
  data_source       = aws_appsync_datasource.posts.name
  response_template = local.response

  request_template = <<-EOT
    {
      "version": "2018-05-29",
      "operation": "GetItem",
      "key": {"id": $util.dynamodb.toDynamoDBJson($ctx.args.id)}
    }
  EOT
}

################################################################################
# Search
################################################################################

module "searchsync" {
  source = "../.."

  name = "posts-search"

  existing_table = {
    stream_arn     = aws_dynamodb_table.posts.stream_arn
    key_attributes = [aws_dynamodb_table.posts.hash_key]
  }

  # A deleted post leaves the index when AppSync marks it, not when DynamoDB deletes it, days later.
  document = { when = jsonencode({ _deleted = [{ exists = false }, false] }) }

  index = { name = "posts" }

  collection = {
    name                   = "posts-search"
    network                = "public"
    standby_replicas       = false
    data_access_principals = var.data_access_principals
  }

  function = { runtime = var.runtime }
}
