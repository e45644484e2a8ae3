# A table in another account, by its stream's whole ARN.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name = "searchsync"
  existing_table = {
    stream_arn     = "arn:aws:dynamodb:eu-central-1:444455556666:table/Orders/stream/2025-01-01T00:00:00.000"
    key_attributes = ["id"]
    cross_account  = true
  }
  existing_collection = {
    name     = "shop"
    arn      = "arn:aws:aoss:eu-central-1:111122223333:collection/abc123"
    endpoint = "https://abc123.eu-central-1.aoss.amazonaws.com"
  }
  dashboard = { enabled = true }
  package   = { file = "tests/terraform/packages/good.zip" }
}

run "the_owner_is_given_a_policy_for_the_table_and_one_for_the_stream" {
  command = apply

  assert {
    condition = jsondecode(output.table_owner_policies.stream).Statement == [{
      Sid       = "SearchsyncFunction"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:root" }
      Action    = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
      Resource  = var.existing_table.stream_arn
      Condition = { ArnEquals = { "aws:PrincipalArn" = aws_iam_role.this[0].arn } }
    }]
    error_message = "The function's role, and nobody else, reads the stream: ${output.table_owner_policies.stream}"
  }
  assert {
    condition = [for statement in jsondecode(output.table_owner_policies.table).Statement : [statement.Action, statement.Resource, statement.Condition.ArnEquals["aws:PrincipalArn"]]] == [
      [["dynamodb:BatchGetItem"], "arn:aws:dynamodb:eu-central-1:444455556666:table/Orders", aws_iam_role.this[0].arn],
      [["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:Scan"], "arn:aws:dynamodb:eu-central-1:444455556666:table/Orders", output.reconciliation_role_arn],
    ]
    error_message = "Each role has what it reads of the table: ${output.table_owner_policies.table}"
  }
}

run "metrics_of_a_table_of_this_account_are_not_taken_for_those_of_the_other" {
  command = apply

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "stream-unread")
    error_message = "The alarm would watch a table of this account."
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "AWS/DynamoDB")
    error_message = "The dashboard would show a table of this account: ${aws_cloudwatch_dashboard.this[0].dashboard_body}"
  }
}

run "a_table_of_this_account_has_no_policies_to_hand_over" {
  command = apply

  variables {
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/Orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id"] }
  }
  assert {
    condition     = output.table_owner_policies == null && contains(keys(aws_cloudwatch_metric_alarm.this), "stream-unread")
    error_message = "Nothing is to be applied for a table of this account."
  }
}

run "refuses_another_account_that_is_not_said" {
  command = plan # of the log group that the runs before made

  variables {
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:444455556666:table/Orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id"] }
  }
  expect_failures = [aws_cloudwatch_log_group.function]
}

run "refuses_this_account_said_to_be_another" {
  command = plan # of the log group that the runs before made

  variables {
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/Orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id"], cross_account = true }
  }
  expect_failures = [aws_cloudwatch_log_group.function]
}

run "refuses_a_stream_of_another_region" {
  command = plan # of the log group that the runs before made

  variables {
    existing_table = { stream_arn = "arn:aws:dynamodb:eu-west-1:444455556666:table/Orders/stream/2025-01-01T00:00:00.000", key_attributes = ["id"], cross_account = true }
  }
  expect_failures = [aws_cloudwatch_log_group.function]
}

run "each_views_role_may_read_the_table_too" {
  command = plan
  module {
    source = "./modules/table_policies"
  }

  variables {
    stream_arn         = "arn:aws:dynamodb:eu-central-1:444455556666:table/Orders/stream/2025-01-01T00:00:00.000"
    function_role_arn  = "arn:aws:iam::111122223333:role/shop-role"
    reconcile_role_arn = "arn:aws:iam::111122223333:role/shop-reconcile-role"
    view_role_arns     = ["arn:aws:iam::111122223333:role/shop-products-reconcile-role"]
  }
  assert {
    condition     = [for statement in jsondecode(output.table).Statement : statement.Condition.ArnEquals["aws:PrincipalArn"]] == [var.function_role_arn, [var.reconcile_role_arn, var.view_role_arns[0]]]
    error_message = "Each reconcile function reads the whole table: ${output.table}"
  }
}
