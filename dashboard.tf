################################################################################
# Dashboard
################################################################################

# Every metric stands as in alarms.tf: namespace, name, dimensions, statistic. What an alarm watches is taken from there, with
# its threshold as a line in the graph; an alarm over an expression has none, for no metric has its numbers.

locals {
  dashboard_name = coalesce(var.dashboard.name, var.name)

  dashboard_functions = {
    sync      = local.function_name
    redrive   = local.redrive_function_name
    reconcile = module.reconciliation.function_name
  }

  # Our metrics by function, and Lambda's of each function.
  dashboard_own = {
    for kind, name in local.dashboard_functions : kind => {
      for metric, statistic in {
        sync = {
          RecordsReceived = "Sum", DocumentsWritten = "Sum", DocumentsDeleted = "Sum", Duplicates = "Sum", Stale = "Sum", Resynced = "Sum", Filtered = "Sum",
          Poison          = "Sum", BatchItemFailures = "Sum", FutureVersions = "Sum", OldestRecordAge = "Maximum", Duration = "Maximum"
        }
        redrive   = { Redriven = "Sum", RedriveStayed = "Maximum", RedriveLost = "Sum" }
        reconcile = { RunItems = "Sum", RunWritten = "Sum", RunPoison = "Sum", Repaired = "Sum" }
      }[kind] : metric => [var.function.metric_namespace, metric, { FunctionName = name }, statistic]
    }
  }
  dashboard_lambda = {
    for metric in ["Duration", "Errors", "Invocations", "Throttles"] : metric => {
      for kind, name in local.dashboard_functions : kind => ["AWS/Lambda", metric, { FunctionName = name }, "Sum"]
    }
  }
  # The collections of an account share their compute units; the account's are all that OpenSearch Serverless tells.
  dashboard_ocu = {
    for metric in ["IndexingOCU", "SearchOCU"] : metric => ["AWS/AOSS", metric, { ClientId = local.place.account }, "Sum"]
  }
  dashboard_queue = {
    for metric in ["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesNotVisible"] :
    metric => ["AWS/SQS", metric, { QueueName = aws_sqs_queue.failures.name }, "Maximum"]
  }

  # Rows of graphs, from the top. `alarms`: whose thresholds are drawn; `start`: how far the graph looks back by itself.
  dashboard_rows = [
    [
      {
        title  = "Lag: from the write to the function (ms)"
        lines  = { "oldest record read" = local.alarms.iterator-age.metrics.age }
        alarms = ["iterator-age"]
      },
      { title = "Lag: from the write to the index (s)", lines = { "oldest record written" = local.dashboard_own.sync.OldestRecordAge } },
      { title = "Time of an invocation (ms)", lines = { "longest" = local.dashboard_own.sync.Duration } },
      {
        title = "Is the stream read"
        lines = merge(
          { "invocations of the function" = local.alarms.stream-unread.metrics.invocations },
          { for label, line in { "write units of the table" = local.alarms.stream-unread.metrics.writes } : label => line if !local.cross_account },
        )
      },
    ],
    [
      {
        title = "Throughput: records and what became of them"
        lines = {
          "records received" = local.dashboard_own.sync.RecordsReceived
          "written"          = local.dashboard_own.sync.DocumentsWritten
          "deleted"          = local.dashboard_own.sync.DocumentsDeleted
          "read again"       = local.dashboard_own.sync.Resynced
        }
      },
      {
        title = "Throughput: records that needed no write"
        lines = {
          "superseded"      = local.dashboard_own.sync.Stale
          "written already" = local.dashboard_own.sync.Duplicates
          "left out"        = local.dashboard_own.sync.Filtered
        }
      },
    ],
    [
      {
        title = "Outcomes: what was not written"
        lines = {
          "poison"                   = local.dashboard_own.sync.Poison
          "failed batches"           = local.dashboard_own.sync.BatchItemFailures
          "versions from the future" = local.dashboard_own.sync.FutureVersions
        }
      },
      {
        title = "Errors of the functions"
        lines = merge(local.dashboard_lambda.Errors, {
          "sync"    = local.alarms.errors.metrics.errors
          "redrive" = local.alarms.redrive-errors.metrics.errors
        })
        alarms = ["errors", "redrive-errors"]
      },
      { title = "Throttles of the functions", lines = local.dashboard_lambda.Throttles },
      {
        title = "Repair needed"
        lines = merge({
          "sync"    = local.alarms.repair-needed.metrics.needed
          "redrive" = local.alarms.redrive-repair-needed.metrics.needed
          }, [for view in keys(var.views) : {
            "sync ${view}"    = local.view_alarms["repair-needed-${view}"].metrics.needed
            "redrive ${view}" = local.view_alarms["redrive-repair-needed-${view}"].metrics.needed
        }]...)
        alarms = ["repair-needed", "redrive-repair-needed"]
      },
    ],
    [
      {
        title = "Failure queue: messages"
        lines = {
          "waiting"   = local.alarms.failures.metrics.waiting
          "in flight" = local.dashboard_queue.ApproximateNumberOfMessagesNotVisible
        }
        alarms = ["failures"]
      },
      {
        title = "Failure queue: age of the oldest message (s)"
        lines = { "oldest, received twice at most" = local.dashboard_queue.ApproximateAgeOfOldestMessage }
      },
      {
        title = "Redrive"
        lines = {
          "redriven" = local.dashboard_own.redrive.Redriven
          "stayed"   = local.dashboard_own.redrive.RedriveStayed
          "lost"     = local.dashboard_own.redrive.RedriveLost
        }
      },
    ],
    concat(
      [
        {
          title = "Reconciliation: items and documents"
          lines = {
            "looked at" = local.dashboard_own.reconcile.RunItems
            "written"   = local.dashboard_own.reconcile.RunWritten
            "repaired"  = local.dashboard_own.reconcile.Repaired
            "poison"    = local.dashboard_own.reconcile.RunPoison
          }
        },
        {
          title  = "Reconciliation: differences"
          lines  = merge({ "found or left" = local.alarms.drift.metrics.differences }, { for view in keys(var.views) : view => local.view_alarms["drift-${view}"].metrics.differences })
          alarms = ["drift"]
        },
        # As long as `searchsync status` trusts a verification, in hours: CloudWatch keeps them 15 months.
        {
          title = "Reconciliation: runs of 35 days, the last success among them"
          lines = merge({
            "succeeded" = local.alarms.reconciliation-failed.metrics.succeeded
            "failed"    = local.alarms.reconciliation-failed.metrics.failed
            }, [for view in keys(var.views) : {
              "succeeded ${view}" = local.view_alarms["reconciliation-failed-${view}"].metrics.succeeded
              "failed ${view}"    = local.view_alarms["reconciliation-failed-${view}"].metrics.failed
          }]...)
          start  = "-P35D"
          period = 3600
        },
      ],
      [for alarm in [local.alarms.rolling-late] : {
        title  = "Rolling verification: age of the oldest part (s)"
        lines  = merge({ "oldest part" = alarm.metrics.age }, { for view in keys(var.views) : view => local.view_alarms["rolling-late-${view}"].metrics.age })
        alarms = ["rolling-late"]
      } if var.reconciliation.rolling != null],
    ),
    concat([
      { title = "Cost: invocations", lines = local.dashboard_lambda.Invocations },
      { title = "Cost: time of the functions (ms)", lines = local.dashboard_lambda.Duration },
      {
        title = "Cost: compute units of the account's collections"
        lines = local.dashboard_ocu
        # A sum a minute is the units; over a longer period, as the console takes it for a longer range, it would be more.
        expressions = { for metric in keys(local.dashboard_ocu) : metric => "METRIC / (PERIOD(METRIC) / 60)" }
      },
      ], [for name in [local.table_name] : {
        title = "Cost: read units of the table"
        lines = { "consumed" = ["AWS/DynamoDB", "ConsumedReadCapacityUnits", { TableName = name }, "Sum"] }
    } if !local.cross_account]),
  ]

  # The sections of docs/operations.md by their names: the module does not know where its documents lie.
  dashboard_text = <<-EOT
    # ${var.name}
    Table **${local.table_name}** → index **${local.index_name}** of the collection **${local.collection.name}**. Terraform wrote this dashboard (`dashboard`): a change by hand is lost at the next apply.

    | you see | read in docs/operations.md |
    | --- | --- |
    | an alarm, lag, errors, a run that failed | *Alarms* |
    | a metric or a log line | *Log lines and metrics*, *Dashboard* |
    | messages in the failure queue | *Redrive: records that could not be written* |
    | an index that is refused as another stack's | *Whose an index is* |
    | nothing wrong, and want the verdict: `searchsync status` | *Commands* |
  EOT

  dashboard_widgets = concat(
    [{
      type       = "text", x = 0, y = 0, width = var.alarms.enabled ? 12 : 24, height = 6
      properties = { markdown = local.dashboard_text }
    }],
    [for arns in [[for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]] : {
      type       = "alarm", x = 12, y = 0, width = 12, height = 6
      properties = { title = "Alarms", alarms = arns, sortBy = "stateUpdatedTimestamp" }
    } if var.alarms.enabled],
    flatten([
      for row, graphs in local.dashboard_rows : [
        for column, graph in graphs : {
          type = "metric", x = column * 24 / length(graphs), y = 6 * (row + 1), width = 24 / length(graphs), height = 6
          properties = merge(
            {
              title  = graph.title
              region = local.place.region
              view   = "timeSeries"
              period = try(graph.period, 300)
              yAxis  = { left = { min = 0, showUnits = false } }
              metrics = concat(
                [
                  for label, line in graph.lines : concat(
                    [line[0], line[1]],
                    flatten([for name, value in line[2] : [name, value]]),
                    [merge({ label = label, stat = line[3] }, [for id in [lower(label)] : { id = id, visible = false } if can(graph.expressions)]...)]
                  )
                ],
                [
                  for label, expression in try(graph.expressions, {}) :
                  [{ id = "${lower(label)}_units", label = label, expression = replace(expression, "METRIC", lower(label)) }]
                ],
              )
              annotations = {
                horizontal = [
                  for key in try(graph.alarms, []) : { label = "alarm above: ${key}", value = local.thresholds[key] } if var.alarms.enabled
                ]
              }
            },
            [for start in [try(graph.start, null)] : { start = start } if start != null]...
          )
        }
      ]
    ]),
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard.enabled ? 1 : 0

  dashboard_name = local.dashboard_name
  dashboard_body = jsonencode({ widgets = local.dashboard_widgets })
}
