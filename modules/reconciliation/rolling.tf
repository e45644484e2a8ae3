################################################################################
# Rolling verification
################################################################################

# A call compares the parts that are due, and asks for nothing but its own state where none is (reconcile/slices.py). It is
# the reconcile function itself: neither a state machine's transition nor a role is paid for or kept.
resource "aws_cloudwatch_event_rule" "rolling" {
  count = var.settings.rolling == null ? 0 : 1

  name                = "${trimsuffix(var.name, "-reconcile")}-rolling" # no longer than the redrive's, for the first view
  description         = "Compares parts of ${var.sync_function_name}'s table and index, and so wakes a collection that sleeps"
  schedule_expression = var.settings.rolling.every_minutes == 1 ? "rate(1 minute)" : "rate(${var.settings.rolling.every_minutes} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "rolling" {
  count = var.settings.rolling == null ? 0 : 1

  rule      = aws_cloudwatch_event_rule.rolling[0].name
  target_id = "rolling"
  arn       = aws_lambda_function.this.arn
  input     = jsonencode({ step = "rolling" })

  depends_on = [aws_lambda_permission.rolling]
}

resource "aws_lambda_permission" "rolling" {
  count = var.settings.rolling == null ? 0 : 1

  statement_id  = "rolling"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.rolling[0].arn
}
