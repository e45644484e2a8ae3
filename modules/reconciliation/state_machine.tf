################################################################################
# State machine
################################################################################

# Prepare ─▶ Table or Export: a Distributed Map ─▶ verify and repair: Index: a Distributed Map ─▶ Finish. A child calls the function again and again with the state that the last call returned,
# until it says `done`.
#
# Limits behind it ("Quotas for Step Functions"): an execution has 25,000 history events, and a call in a child
# takes seven; a state carries 256 KiB, the results of a Map's children together included. Only an unsuccessful
# Map Run redrives its children ("Redriving Map Runs"): no failure is tolerated.

locals {
  # Exceptions of the function by their class: the same call would be refused again.
  refusals = ["ConfigurationError", "RunRefusedError"]

  retry = [
    { ErrorEquals = local.refusals, MaxAttempts = 0 },
    {
      ErrorEquals     = ["States.TaskFailed", "States.Timeout"]
      IntervalSeconds = 2
      BackoffRate     = 2
      MaxAttempts     = 6
      MaxDelaySeconds = 60
      JitterStrategy  = "FULL"
    },
  ]

  # One call of the function.
  call = {
    Type           = "Task"
    Resource       = "arn:${local.place.partition}:states:::lambda:invoke"
    TimeoutSeconds = local.timeout + 60
    Retry          = local.retry
  }

  # A Map's states, by the Map's name: "state names MUST be unique within the scope of the whole state machine"
  # (Amazon States Language), the processors of its Maps included.
  parts = {
    for map in ["Table", "Export", "Index"] : map => {
      Type                       = "Map"
      Label                      = map
      MaxConcurrency             = var.settings.concurrency
      ToleratedFailurePercentage = 0
      # A part of the run. The payload's members are the function's state: reconcile/state.py reads them.
      ItemProcessor = {
        ProcessorConfig = { Mode = "DISTRIBUTED", ExecutionType = "STANDARD" }
        StartAt         = "Run${map}"
        States = {
          "Run${map}" = merge(local.call, {
            Parameters = {
              FunctionName = aws_lambda_function.this.arn
              Payload = {
                "step"            = "part"
                "task.$"          = "$.task"
                "run.$"           = "$.run"
                "recheck_delay.$" = "$.recheck_delay"
                "export.$"        = "$.export"
                "part.$"          = "$.part"
                "position.$"      = "$.position"
                "call.$"          = "$.call"
                "totals.$"        = "$.totals"
              }
            }
            OutputPath = "$.Payload"
            Next       = "Is${map}Done"
          })
          "Is${map}Done" = {
            Type    = "Choice"
            Choices = [{ Variable = "$.done", BooleanEquals = true, Next = "${map}Totals" }]
            Default = "Run${map}"
          }
          "${map}Totals" = { Type = "Pass", OutputPath = "$.totals", End = true }
        }
      }
    }
  }
  # What a child begins with, beside its part. $$.Execution would be the child's own in there.
  beginning = {
    "task.$"          = "$.task"
    "run.$"           = "$.run"
    "recheck_delay.$" = "$.recheck_delay"
    "export.$"        = "$.export"
    "position"        = null
    "call"            = 0
    "totals"          = {}
  }

  definition = {
    Comment = "Reconciles the whole table of ${var.sync_function_name}: backfill, verify, repair"
    StartAt = "Prepare"
    States = {
      Prepare = merge(local.call, {
        Parameters = {
          FunctionName = aws_lambda_function.this.arn
          Payload = {
            "step"        = "prepare"
            "input.$"     = "$"
            "execution.$" = "$$.Execution.Id"
            "started.$"   = "$$.Execution.StartTime"
          }
        }
        OutputPath = "$.Payload"
        Next       = "Begun"
      })
      Begun = {
        Type    = "Choice"
        Choices = [{ Variable = "$.gave_way", IsPresent = true, Next = "GaveWay" }]
        Default = "Source"
      }
      GaveWay = { Type = "Succeed" }
      Source = {
        Type    = "Choice"
        Choices = [{ Variable = "$.export", IsNull = true, Next = "Table" }]
        Default = "Export"
      }
      Table = merge(local.parts["Table"], {
        ItemsPath = "$.segments"
        ItemSelector = merge(local.beginning, {
          part = { "segment.$" = "$$.Map.Item.Value", "of.$" = "$.of" }
        })
        ResultPath = "$.table"
        Next       = "Task"
      })
      Export = merge(local.parts["Export"], {
        ItemsPath = "$.segments" # ranges of the manifest's bytes: reconcile/manifest.py
        ItemSelector = merge(local.beginning, {
          part = {
            "bucket.$"   = "$.export.bucket"
            "manifest.$" = "$.export.manifest"
            "etag.$"     = "$.export.etag"
            "lines.$"    = "$$.Map.Item.Value"
          }
        })
        ResultPath = "$.table"
        Next       = "Task"
      })
      Task = {
        Type    = "Choice"
        Choices = [{ Variable = "$.task", StringEquals = "backfill", Next = "TableOnly" }]
        Default = "Index"
      }
      TableOnly = { Type = "Pass", Result = [], ResultPath = "$.documents", Next = "Together" }
      Index = merge(local.parts["Index"], {
        ItemsPath = "$.index.ranges" # of the documents' keys: reconcile/sweep.py
        ItemSelector = merge(local.beginning, {
          part = { "range.$" = "$$.Map.Item.Value", "of.$" = "$.index.of", "since.$" = "$.started" }
        })
        ResultPath = "$.documents"
        Next       = "Together"
      })
      Together = {
        Type = "Pass"
        Parameters = {
          "task.$"    = "$.task"
          "run.$"     = "$.run"
          "started.$" = "$.started"
          "saw.$"     = "$.saw"
          "results.$" = "States.Array($.table, $.documents)"
        }
        Next = "Finish"
      }
      Finish = merge(local.call, {
        Parameters = {
          FunctionName = aws_lambda_function.this.arn
          Payload = {
            "step"      = "finish"
            "task.$"    = "$.task"
            "run.$"     = "$.run"
            "started.$" = "$.started"
            "saw.$"     = "$.saw"
            "results.$" = "$.results[*][*]"
          }
        }
        OutputPath = "$.Payload"
        End        = true
      })
    }
  }
}
