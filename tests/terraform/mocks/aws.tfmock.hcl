# What AWS would answer: the provider checks that an ARN looks like one, and the policies are compared whole.

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn        = "arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table"
    stream_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table/stream/2025-01-01T00:00:00.000"
  }
}

mock_resource "aws_opensearchserverless_collection" {
  defaults = {
    id                  = "c0ffee"
    kms_key_arn         = "auto"
    arn                 = "arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee"
    collection_endpoint = "https://c0ffee.eu-central-1.aoss.amazonaws.com"
    dashboard_endpoint  = "https://c0ffee.eu-central-1.aoss.amazonaws.com/_dashboards"
  }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::111122223333:role/created", id = "created" }
}

mock_resource "aws_lambda_function" {
  defaults = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:searchsync" }
}

mock_resource "aws_lambda_event_source_mapping" {
  defaults = {
    arn  = "arn:aws:lambda:eu-central-1:111122223333:event-source-mapping:00000000-0000-4000-8000-000000000000"
    uuid = "00000000-0000-4000-8000-000000000000"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:searchsync-failures"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/searchsync-failures"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync" }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = { arn = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:searchsync" }
}

mock_resource "aws_cloudwatch_dashboard" {
  defaults = { dashboard_arn = "arn:aws:cloudwatch::111122223333:dashboard/searchsync" }
}

mock_resource "aws_sfn_state_machine" {
  defaults = { arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:searchsync-reconcile" }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:eu-central-1:111122223333:rule/searchsync-reconcile-verify" }
}
