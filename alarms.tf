################################################################################
# Alarms
################################################################################

# An alarm ends when its cause ends. So most keep their state where there is no data ("ignore"; CloudWatch user guide,
# "Configuring how CloudWatch alarms treat missing data"): nothing was run, so nothing was mended. What an alarm needs
# for its end is data of a run that went well: tests/unit/test_alarms.py has every way to fail.
#
# An entry: `description`; `metrics`, by the names that an `expression` has for them, each [namespace, name, dimensions,
# statistic]. Without an `expression` it is one metric, over `period` seconds (300). `threshold` (0) is exceeded in
# `datapoints_to_alarm` (1) of `evaluation_periods` (1). `treat_missing_data` ("ignore").

locals {
  alarms = {
    failures = {
      description = "Records that could not be written wait in the failure queue. Look at their reason, remove it, then run the function ${local.redrive_function_name}; they are lost after 14 days."
      # Not the age of the oldest message, which leaves out one that was received three times ("Available CloudWatch
      # metrics for Amazon SQS"). A redrive hides messages while it works, and for the visibility timeout when it is
      # killed: so long without any, the alarm stays.
      metrics             = { waiting = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", { QueueName = aws_sqs_queue.failures.name }, "Maximum"] }
      evaluation_periods  = ceil(var.alarms.failure_age_seconds / 300) + ceil(var.failure_queue.visibility_timeout_seconds / 300)
      datapoints_to_alarm = ceil(var.alarms.failure_age_seconds / 300)
    }
    iterator-age = {
      description = "The stream is read late. Look at the function's log for what holds it up; the stream drops records after 24 hours."
      metrics     = { age = ["AWS/Lambda", "IteratorAge", { FunctionName = local.function_name }, "Maximum"] }
      threshold   = var.alarms.iterator_age_seconds * 1000 # milliseconds
    }
    stream-unread = {
      description = "The table is written, and the function is not invoked: the trigger is off, or Lambda does not get through to the function. Look at the trigger; the stream drops records after 24 hours."
      # Twice in a row: a change at a period's end is read in the next one. A write that changes nothing has no record.
      expression = "IF(FILL(invocations, 0) > 0, 0, IF(FILL(writes, 0) > 0, 1))"
      metrics = {
        invocations = ["AWS/Lambda", "Invocations", { FunctionName = local.function_name }, "Sum"]
        writes      = ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", { TableName = local.table_name }, "Sum"]
      }
      evaluation_periods  = 2
      datapoints_to_alarm = 2
    }
    errors = {
      description = "Invocations of the function fail as a whole. The stack is wrong rather than a record: look at the function's log."
      # A timeout counts where its invocation began, up to 15 minutes before (Lambda guide, "Viewing metrics for functions").
      metrics = { errors = ["AWS/Lambda", "Errors", { FunctionName = local.function_name }, "Sum"] }
      period  = 900
    }
    redrive-errors = {
      description = "The last redrive failed as a whole. The stack is wrong rather than a message: look at the log of ${local.redrive_function_name}."
      metrics     = { errors = ["AWS/Lambda", "Errors", { FunctionName = local.redrive_function_name }, "Sum"] }
      period      = 900
    }
    # Both have data only when a repair is needed, and from a clean verification or repair that began after that.
    repair-needed = {
      description = "Changes may be missing in the index (records dropped or nearly so, an index made anew, another stream). Run a backfill and a verification where the index was made anew, else a repair."
      metrics     = { needed = [var.function.metric_namespace, "RepairNeeded", { FunctionName = local.function_name }, "Maximum"] }
    }
    redrive-repair-needed = {
      description = "A redrive found the index made anew: what it held is missing. Run a backfill, then a verification."
      metrics     = { needed = [var.function.metric_namespace, "RepairNeeded", { FunctionName = local.redrive_function_name }, "Maximum"] }
    }
    drift = {
      description = "The last verification found documents that do not agree with their items. Look at its report, and run a repair, or a backfill where very many differ."
      metrics     = { differences = [var.function.metric_namespace, "Differences", { FunctionName = module.reconciliation.function_name }, "Maximum"] }
    }
    reconciliation-failed = {
      description = "A run failed or was refused: until one succeeds, nothing new is known of table and index. Read the reconcile function's log."
      # A scheduled verification that gave way to another run is no success. Each call says 0, so that there is
      # something to compare with.
      expression = "IF(FILL(failed, 0) > 0, 1, IF(succeeded > 0, 0))"
      metrics = {
        failed    = ["AWS/States", "ExecutionsFailed", { StateMachineArn = module.reconciliation.state_machine_arn }, "Sum"]
        succeeded = [var.function.metric_namespace, "RunSucceeded", { FunctionName = module.reconciliation.function_name }, "Sum"]
      }
    }
    # Each call says how old the oldest part is. One that fails says nothing, so that missing data is an alarm.
    rolling-late = {
      description         = "The rolling verification has stopped, or has parts that were not compared within its period. Look at the log of ${module.reconciliation.function_name}."
      metrics             = { age = [var.function.metric_namespace, "RollingAge", { FunctionName = module.reconciliation.function_name }, "Maximum"] }
      threshold           = try(var.reconciliation.rolling.period_hours * 3600, 0)
      period              = max(300, try(var.reconciliation.rolling.every_minutes * 60, 0))
      evaluation_periods  = 3
      datapoints_to_alarm = 3
      treat_missing_data  = "breaching"
    }
  }

  # Each further view has those of what is known of one index, by its own metrics.
  of_each_view = ["drift", "reconciliation-failed", "redrive-repair-needed", "repair-needed", "rolling-late"]
  view_alarms = merge([for view, run in module.view_reconciliation : {
    for key in local.of_each_view : "${key}-${view}" => merge(local.alarms[key], {
      description = "View ${view}: ${replace(local.alarms[key].description, module.reconciliation.function_name, run.function_name)}"
      metrics = { for id, metric in local.alarms[key].metrics : id => [metric[0], metric[1], lookup({
        RepairNeeded     = merge(metric[2], { View = view })
        ExecutionsFailed = { StateMachineArn = run.state_machine_arn }
      }, metric[1], { FunctionName = run.function_name }), metric[3]] }
    }) if !contains(local.unwatched, key)
  }]...)

  # Those that are there: one watches what may be off, one a table whose metrics another account may have.
  watched = merge({ for key, alarm in local.alarms : key => alarm if !contains(local.unwatched, key) }, local.view_alarms)
  unwatched = concat(
    var.reconciliation.rolling == null ? ["rolling-late"] : [],
    local.cross_account ? ["stream-unread"] : [],
  )

  # In the unit of the alarm's metric or expression.
  thresholds = { for key, alarm in merge(local.alarms, local.view_alarms) : key => try(alarm.threshold, 0) }

  alone = { for key, alarm in merge(local.alarms, local.view_alarms) : key => can(alarm.expression) ? null : one(values(alarm.metrics)) }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for key, alarm in local.watched : key => alarm if var.alarms.enabled }

  alarm_name          = "${local.alarm_prefix}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.thresholds[each.key]
  evaluation_periods  = try(each.value.evaluation_periods, 1)
  datapoints_to_alarm = try(each.value.datapoints_to_alarm, 1)
  treat_missing_data  = try(each.value.treat_missing_data, "ignore")
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags

  # One metric stands by itself: DescribeAlarmsForMetric, by which `searchsync status` finds an alarm's threshold, knows
  # no alarm of an expression.
  namespace   = local.alone[each.key] == null ? null : local.alone[each.key][0]
  metric_name = local.alone[each.key] == null ? null : local.alone[each.key][1]
  dimensions  = local.alone[each.key] == null ? null : local.alone[each.key][2]
  statistic   = local.alone[each.key] == null ? null : local.alone[each.key][3]
  period      = local.alone[each.key] == null ? null : try(each.value.period, 300)

  dynamic "metric_query" {
    for_each = local.alone[each.key] == null ? each.value.metrics : {}
    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value[0]
        metric_name = metric_query.value[1]
        dimensions  = metric_query.value[2]
        stat        = metric_query.value[3]
        period      = 300
      }
    }
  }

  dynamic "metric_query" {
    for_each = [for expression in [try(each.value.expression, null)] : expression if expression != null]
    content {
      id          = "state"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }
}
