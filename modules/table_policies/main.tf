# The account's root with the roles in a condition, not the roles themselves: a policy is refused that names a role which
# does not exist yet, and one that is made again would be another principal (IAM user guide, "AWS JSON policy elements:
# Principal").

locals {
  table_arn = split("/stream/", var.stream_arn)[0]
  roles     = { function = [var.function_role_arn], reconcile = concat([var.reconcile_role_arn], var.view_role_arns) }

  may = {
    table = {
      function  = ["dynamodb:BatchGetItem"]
      reconcile = ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:Scan"]
    }
    stream = {
      function = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    }
  }

  policies = { for resource, allowed in local.may : resource => jsonencode({
    Version = "2012-10-17"
    Statement = [for who, actions in allowed : {
      Sid       = "Searchsync${title(who)}"
      Effect    = "Allow"
      Principal = { AWS = "${split(":role/", local.roles[who][0])[0]}:root" }
      Action    = actions
      Resource  = resource == "table" ? local.table_arn : var.stream_arn
      Condition = { ArnEquals = { "aws:PrincipalArn" = try(one(local.roles[who]), local.roles[who]) } }
    }]
  }) }
}
