# The walk-through under its own names: POST → API Gateway → DynamoDB → stream → function → collection.

provider "aws" {
  region = var.region
}

data "aws_partition" "current" {}

################################################################################
# Pipeline
################################################################################

module "searchsync" {
  source = "../.."

  name = "dynamodb-to-opensearch"

  table = {
    name                = "lab-table"
    hash_key            = { name = "id", type = "S" }
    stream_view_type    = "NEW_IMAGE"
    deletion_protection = false # so that `terraform destroy` clears the table away
  }

  collection = {
    name                   = "lab-collection"
    network                = "public" # a workshop is reached from anywhere, by signed requests
    standby_replicas       = var.standby_replicas
    data_access_principals = var.data_access_principals
  }

  function = {
    name    = "sync-data-with-dynamodb-stream"
    runtime = var.runtime
  }

  # A workshop does not wait half a minute between two looks.
  reconciliation = { recheck_delay_seconds = 20 }

  role = {
    name = "lambda-lab-role"
    policy_names = {
      stream     = "dynamodb-stream-data"
      collection = "aoss-policy"
    }
  }
}

################################################################################
# API Gateway
################################################################################

resource "aws_api_gateway_rest_api" "this" {
  #checkov:skip=CKV_AWS_237:nothing else uses it while it is replaced

  name        = "dynamodb-api-gw"
  description = "Puts what is posted into lab-table"
}

# Anyone who knows the URL can post: right for a workshop, give `authorization = "AWS_IAM"` elsewhere.
resource "aws_api_gateway_method" "post" {
  #checkov:skip=CKV_AWS_59:open on purpose in the walk-through, see above
  #checkov:skip=CKV2_AWS_53:the template takes two members and DynamoDB refuses what is no string

  rest_api_id   = aws_api_gateway_rest_api.this.id
  resource_id   = aws_api_gateway_rest_api.this.root_resource_id
  http_method   = "POST"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "put_item" {
  rest_api_id             = aws_api_gateway_rest_api.this.id
  resource_id             = aws_api_gateway_rest_api.this.root_resource_id
  http_method             = aws_api_gateway_method.post.http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:${data.aws_partition.current.partition}:apigateway:${var.region}:dynamodb:action/PutItem"
  credentials             = aws_iam_role.api.arn
  passthrough_behavior    = "NEVER"

  # $input.json writes each value as JSON, quoted and escaped: a posted text cannot break out of it.
  request_templates = {
    "application/json" = <<-EOT
      {
        "TableName": "${module.searchsync.table_name}",
        "Item": {
          "id": {"S": "$context.requestId"},
          "name": {"S": $input.json('$.name')},
          "type": {"S": $input.json('$.type')}
        }
      }
    EOT
  }
}

locals {
  # What DynamoDB answers, as a pattern of its status, and what the caller gets for it. Without a
  # pattern stands what no pattern fits.
  answers = {
    "200" = { pattern = "200", body = "{\"id\": \"$context.requestId\"}" }
    "400" = { pattern = "4\\d{2}", body = "{\"message\": \"The item was refused. Send name and type as JSON strings.\"}" }
    "502" = { pattern = null, body = "{\"message\": \"DynamoDB did not take the item. Send it again.\"}" }
  }
}

resource "aws_api_gateway_method_response" "this" {
  for_each = local.answers

  rest_api_id     = aws_api_gateway_rest_api.this.id
  resource_id     = aws_api_gateway_rest_api.this.root_resource_id
  http_method     = aws_api_gateway_method.post.http_method
  status_code     = each.key
  response_models = { "application/json" = "Empty" }
}

resource "aws_api_gateway_integration_response" "this" {
  for_each = local.answers

  rest_api_id        = aws_api_gateway_rest_api.this.id
  resource_id        = aws_api_gateway_rest_api.this.root_resource_id
  http_method        = aws_api_gateway_method.post.http_method
  status_code        = aws_api_gateway_method_response.this[each.key].status_code
  selection_pattern  = each.value.pattern
  response_templates = { "application/json" = each.value.body }

  depends_on = [aws_api_gateway_integration.put_item]
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  # A stage serves what was deployed: a change of the method is a new deployment.
  triggers = {
    redeployment = sha256(jsonencode([
      aws_api_gateway_method.post.authorization,
      aws_api_gateway_integration.put_item.uri,
      aws_api_gateway_integration.put_item.request_templates,
      local.answers,
    ]))
  }

  depends_on = [aws_api_gateway_integration_response.this]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "lab" {
  #checkov:skip=CKV_AWS_73:a workshop does without tracing
  #checkov:skip=CKV_AWS_76:logging needs a role that the whole account's API Gateway shares
  #checkov:skip=CKV_AWS_120:there is nothing to cache in a POST
  #checkov:skip=CKV2_AWS_4:logging needs a role that the whole account's API Gateway shares
  #checkov:skip=CKV2_AWS_29:a firewall is more than a workshop's price
  #checkov:skip=CKV2_AWS_51:the backend is DynamoDB, reached with the role of the API

  rest_api_id   = aws_api_gateway_rest_api.this.id
  deployment_id = aws_api_gateway_deployment.this.id
  stage_name    = "lab"
}

################################################################################
# Role of the API
################################################################################

resource "aws_iam_role" "api" {
  name        = "dynamodb-api-gw-role"
  description = "Lets dynamodb-api-gw put items into lab-table"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "api" {
  name = "dynamodb-put-item"
  role = aws_iam_role.api.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem"]
      Resource = [module.searchsync.table_arn]
    }]
  })
}
