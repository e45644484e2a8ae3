################################################################################
# Common
################################################################################

locals {
  function_name  = coalesce(var.function.name, var.name)
  log_group_name = coalesce(var.log_group.name, "/aws/lambda/${local.function_name}")
  queue_name     = coalesce(var.failure_queue.name, "${var.name}-failures")
  role_name      = coalesce(var.role.name, "${var.name}-role")
  alarm_prefix   = coalesce(var.alarms.name_prefix, var.name)

  # The module's prefix everywhere: a policy that the role already has under the same name would be overwritten.
  policy_names = { for key, name in var.role.policy_names : key => coalesce(name, "${var.name}-${key}") }
}

################################################################################
# Table
################################################################################

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:backups are on unless table.point_in_time_recovery turns them off
  #checkov:skip=CKV2_AWS_16:on demand unless table.billing_mode says otherwise; auto scaling is made elsewhere (docs/tables.md)
  #checkov:skip=CKV_AWS_119:a key of your own is table.kms_key_arn; without it AWS encrypts with its own

  count = var.table == null ? 0 : 1

  name                        = var.table.name
  hash_key                    = var.table.hash_key.name
  range_key                   = try(var.table.range_key.name, null)
  billing_mode                = var.table.billing_mode
  read_capacity               = var.table.read_capacity
  write_capacity              = var.table.write_capacity
  stream_enabled              = true
  stream_view_type            = var.table.stream_view_type
  deletion_protection_enabled = var.table.deletion_protection
  tags                        = var.tags

  dynamic "attribute" {
    for_each = concat(
      [for key in [var.table.hash_key, var.table.range_key] : key if key != null],
      [for name, type in var.table.index_attributes : { name = name, type = type }],
    )
    content {
      name = attribute.value.name
      type = attribute.value.type
    }
  }

  point_in_time_recovery {
    enabled = var.table.point_in_time_recovery
  }

  # Given without a key too: a block that is only left out leaves the table as it is.
  server_side_encryption {
    enabled     = var.table.kms_key_arn != null
    kms_key_arn = var.table.kms_key_arn
  }

  dynamic "ttl" {
    for_each = var.table.ttl == null ? [] : [var.table.ttl]
    content {
      attribute_name = ttl.value.attribute
      enabled        = ttl.value.enabled
    }
  }

  # DynamoDB has no change of a key's type, and the provider plans none.
  lifecycle {
    replace_triggered_by = [terraform_data.key_types]

    # What `table` cannot express stays as the table has it: a block that is not written here would delete it.
    ignore_changes = [global_secondary_index, local_secondary_index, on_demand_throughput, replica, table_class]

    postcondition {
      # UpdateTimeToLive wants the attribute's name to end it, so that leaving the setting out ends nothing.
      condition     = var.table.ttl != null || !try(self.ttl[0].enabled, false)
      error_message = "table.ttl is left out, and DynamoDB goes on deleting items by ${jsonencode(try(self.ttl[0].attribute_name, null))}: apply table.ttl = { attribute = ${jsonencode(try(self.ttl[0].attribute_name, null))}, enabled = false } first."
    }
  }

  # A destruction that the table refuses (deletion_protection) stops here, with messages and documents still there.
  depends_on = [aws_sqs_queue.failures, module.collection]
}

resource "terraform_data" "key_types" {
  count = var.table == null ? 0 : 1

  input = [for key in [var.table.hash_key, var.table.range_key] : key.type if key != null]
}

locals {
  stream_arn = var.table == null ? var.existing_table.stream_arn : aws_dynamodb_table.this[0].stream_arn

  # Derived from the stream's ARN in both cases: a data source of the table would make the ARN
  # unknown with any change of the table, and a replaced trigger loses its place in the stream.
  table_arn  = split("/stream/", local.stream_arn)[0]
  table_name = var.table == null ? split("/", local.stream_arn)[1] : aws_dynamodb_table.this[0].name

  key_attributes = var.table == null ? var.existing_table.key_attributes : [
    for key in [var.table.hash_key, var.table.range_key] : key.name if key != null
  ]
  table_kms_key_arn = var.table == null ? var.existing_table.kms_key_arn : var.table.kms_key_arn

  # Of an account alone, where the table is not: its metrics, its exports.
  cross_account = try(var.existing_table.cross_account, false)
}

# What the owner of a table in another account applies.
module "table_policies" {
  source = "./modules/table_policies"
  count  = local.cross_account ? 1 : 0

  stream_arn         = local.stream_arn
  function_role_arn  = local.role.arn
  reconcile_role_arn = module.reconciliation.role_arn

  view_role_arns = [for run in module.view_reconciliation : run.role_arn]
}

################################################################################
# Collection
################################################################################

module "collection" {
  source = "./modules/collection"
  count  = var.collection == null ? 0 : 1

  name                   = var.collection.name
  description            = var.collection.description
  standby_replicas       = var.collection.standby_replicas
  kms_key_arn            = var.collection.kms_key_arn
  network                = var.collection.network
  vpc_endpoint_ids       = var.collection.vpc_endpoint_ids
  data_access_principals = var.collection.data_access_principals
  tags                   = var.tags
}

locals {
  collection = var.collection == null ? {
    arn                = var.existing_collection.arn
    dashboard_endpoint = var.existing_collection.dashboard_endpoint
    endpoint           = var.existing_collection.endpoint
    name               = var.existing_collection.name
    } : {
    arn                = module.collection[0].arn
    dashboard_endpoint = module.collection[0].dashboard_endpoint
    endpoint           = module.collection[0].endpoint
    name               = module.collection[0].name
  }
}

resource "aws_opensearchserverless_access_policy" "function" {
  count = try(var.existing_collection.create_data_access_policy, true) ? 1 : 0

  name        = "${var.name}-writer"
  type        = "data"
  description = "What the function ${local.function_name} does to the index ${local.index_name}${local.and_others}"

  policy = jsonencode([{
    Principal = [local.role.arn]
    Rules = [for name, view in module.view : {
      Permission   = concat(["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument"], view.mark_index, ["aoss:WriteDocument"])
      Resource     = ["index/${local.collection.name}/${local.index_names[name]}"]
      ResourceType = "index"
    }]
  }])
}

################################################################################
# Views
################################################################################

locals {
  # The first has no name: it is what `index` and `document` say.
  views = merge({ "" = { index = var.index, document = var.document } }, {
    for name, view in var.views : name => {
      index    = view.index
      document = merge(view.document, { constants = try(jsondecode(view.document.constants), view.document.constants) })
    }
  })
  labels = { for name in keys(local.views) : name => name == "" ? "" : "views[${jsonencode(name)}]." }

  index_name  = coalesce(var.index.name, lower(local.table_name))
  index_names = { for name, view in local.views : name => name == "" ? local.index_name : coalesce(view.index.name, "${local.index_name}-${name}") }
  and_others  = length(var.views) == 0 ? "" : " and those of the views ${join(", ", keys(var.views))}"

  # What reconcile/asker.py names after one of them is no index of another, and two that are one have one such name.
  probe_indexes = { for name, index in local.index_names : name => "${substr(index, 0, 248)}-doctor" }
  index_names_taken = distinct([for name, index in local.index_names : index if anytrue([
    for other, probe in local.probe_indexes : other != name && (probe == index || probe == local.probe_indexes[name])
  ])])

  # As config.py reads them. Compressed together: views are alike, and all variables have 4 KB.
  further_views = length(var.views) == 0 ? null : base64gzip(jsonencode({
    for name, view in module.view : name => merge({ index = local.index_names[name] }, view.settings) if name != ""
  }))
}

# What a view's values may be, and what becomes of them, stands there once.
module "view" {
  source   = "./modules/view"
  for_each = local.views

  label          = local.labels[each.key]
  index          = each.value.index
  document       = each.value.document
  key_attributes = local.key_attributes
}

################################################################################
# Function
################################################################################

locals {
  package_from_file = var.package.s3_bucket == null
  package_file      = coalesce(var.package.file, "${path.module}/dist/searchsync.zip")
  package_facts     = local.package_from_file ? "${trimsuffix(local.package_file, ".zip")}.json" : var.package.facts
  facts             = try(jsondecode(file(local.package_facts)), {})
  # As build.py makes it: what the package was built from, and what the module has.
  sources_digest = sha256(join("\n", [
    for file in setunion(fileset("${path.module}/lambda_src", "*.txt"), fileset("${path.module}/lambda_src", "searchsync/**/*.py")) :
    "${file} ${filesha256("${path.module}/lambda_src/${file}")}"
  ]))
  package_command = "Run `make package`, or `python build.py --runtime ${var.function.runtime}`, in the module's folder"

  package = {
    filename         = local.package_from_file ? local.package_file : null
    source_code_hash = local.package_from_file ? (fileexists(local.package_file) ? filebase64sha256(local.package_file) : null) : null
  }

  # The sync function's and the redrive function's.
  function_environment = merge(
    {
      OPENSEARCH_HOST        = local.collection.endpoint
      OPENSEARCH_INDEX       = local.index_name
      STREAM_ARN             = local.stream_arn
      KEY_ATTRIBUTES         = jsonencode(local.key_attributes)
      FAILURE_QUEUE_URL      = aws_sqs_queue.failures.url
      MAX_CLOCK_SKEW_SECONDS = tostring(var.function.max_clock_skew_seconds)
      LOG_KEYS               = var.function.log_keys
      METRIC_NAMESPACE       = var.function.metric_namespace
      SYNC_FUNCTION_NAME     = local.function_name
    },
    module.view[""].environment,
    # Without views no variable, and no difference to a stack of before.
    local.further_views == null ? {} : { VIEWS = local.further_views },
  )

  # Bytes of the largest environment: what is named here, of each reconcile function and of the sync function, and at most 900
  # around it, such as the collection's endpoint, account, region and the variables' names. length() counts characters, and
  # of a text's base64 four stand for three bytes.
  environment_common = [local.table_name, jsonencode(local.key_attributes), local.queue_name, local.function_name, var.function.metric_namespace]
  environments_named = concat(
    [for name, view in module.view : jsonencode(concat(local.environment_common, values(view.environment), [
      local.index_names[name], name, join("-", compact([local.function_name, name])),
      try(var.reconciliation.report_bucket.arn, ""), "${join("-", compact([var.name, name]))}-reconcile-12345678901234567890123456",
    ]))],
    [jsonencode(concat(local.environment_common, values(module.view[""].environment), [
      local.index_name, local.function_name, coalesce(local.further_views, "-"),
    ]))],
  )
  environment_bytes = 900 + max([for named in local.environments_named : floor(length(trim(base64encode(named), "=")) * 3 / 4)]...)
}

resource "aws_cloudwatch_log_group" "function" {
  name              = local.log_group_name
  retention_in_days = var.log_group.retention_days
  kms_key_id        = var.log_group.kms_key_arn
  tags              = var.tags

  # Where the stack is, this resource is the first to know; a data source would be unknown under a `depends_on`.
  lifecycle {
    postcondition {
      # Lambda reads streams of its own region alone ("Process DynamoDB records with Lambda").
      condition     = var.existing_table == null ? true : split(":", var.existing_table.stream_arn)[3] == split(":", self.arn)[3]
      error_message = "existing_table.stream_arn is in ${try(split(":", var.existing_table.stream_arn)[3], "")} and the stack in ${split(":", self.arn)[3]}: Lambda reads streams of its own region alone. Give the module a provider of the table's region, or the stream of a replica in this one."
    }
    postcondition {
      condition     = var.existing_table == null ? true : (split(":", var.existing_table.stream_arn)[4] != split(":", self.arn)[4]) == var.existing_table.cross_account
      error_message = "existing_table.stream_arn is of the account ${try(split(":", var.existing_table.stream_arn)[4], "")}, the stack of ${split(":", self.arn)[4]}, and existing_table.cross_account is ${try(var.existing_table.cross_account, false)}: set it to ${try(split(":", var.existing_table.stream_arn)[4], "") != split(":", self.arn)[4]}, or give the stream that is meant."
    }
  }
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the log line says what an invocation did, and tracing would want a wildcard permission
  #checkov:skip=CKV_AWS_116:a stream's failures go to the mapping's destination; this queue is for asynchronous calls
  #checkov:skip=CKV_AWS_272:the package is compared with its SHA-256 at plan

  function_name = local.function_name
  description   = substr("Writes the changes of the table ${local.table_name} to the index ${local.index_name}${local.and_others}", 0, 256)
  role          = local.role.arn

  filename          = local.package.filename
  source_code_hash  = local.package.source_code_hash
  s3_bucket         = var.package.s3_bucket
  s3_key            = var.package.s3_key
  s3_object_version = var.package.s3_object_version

  handler                        = "searchsync.handler.handle"
  runtime                        = var.function.runtime
  architectures                  = [var.function.architecture]
  memory_size                    = var.function.memory_size
  timeout                        = var.function.timeout
  reserved_concurrent_executions = coalesce(var.function.reserved_concurrency, -1)
  kms_key_arn                    = var.function.environment_kms_key_arn
  tags                           = var.tags

  environment {
    variables = local.function_environment
  }

  # Text leaves our JSON lines as they are, which is what metric extraction reads.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  dynamic "vpc_config" {
    for_each = var.function.vpc == null ? [] : [var.function.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # Lambda checks some of the role's permissions when it creates the function, and a first invocation
  # without the others would fail.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      condition     = !local.package_from_file || fileexists(local.package_file)
      error_message = "The package ${local.package_file} does not exist. Take a release, whose tag carries it, in the module's source (`?ref=vX.Y.Z`). ${local.package_command}. Or give an object in S3: package.s3_bucket, s3_key, s3_object_version and facts."
    }
    precondition {
      condition     = local.package_from_file && !fileexists(local.package_file) || fileexists(local.package_facts)
      error_message = "The package's facts ${local.package_facts} do not exist: nothing says what the zip was built for. ${local.package_command}; or copy the JSON that build.py wrote beside the zip."
    }
    precondition {
      condition     = !fileexists(local.package_facts) || try(local.facts.sources, "") == local.sources_digest
      error_message = "The package that ${local.package_facts} describes was built from other sources than this module's: its code and its Terraform would not fit together. ${local.package_command}; or take the package of the module's own commit."
    }
    precondition {
      condition     = !fileexists(local.package_facts) || try(local.facts.runtime, "") == var.function.runtime
      error_message = "The package is built for ${try(local.facts.runtime, "a runtime that its facts do not name")}, and function.runtime is ${var.function.runtime}. ${local.package_command}."
    }
    precondition {
      condition     = !local.package_from_file || !fileexists(local.package_facts) || !fileexists(local.package_file) || try(local.facts.sha256, "") == (fileexists(local.package_file) ? filesha256(local.package_file) : null)
      error_message = "The package ${local.package_file} is not the one that ${local.package_facts} describes: their sha256 differ. ${local.package_command}."
    }
    precondition {
      condition     = local.environment_bytes <= 4096
      error_message = "The environment of the functions has up to ${local.environment_bytes} bytes, and Lambda takes 4096: index.mapping, index.settings and document have ${sum(concat([0], [for text in values(module.view[""].environment) : length(text)]))} of them when compressed, and views have ${length(coalesce(local.further_views, "-"))}. Shorten the mappings with dynamic_templates, make an index by hand and set its adopt = \"nobody\" instead of a mapping, or use shorter names of table, index, queue, function, key attributes and metric namespace."
    }
    precondition {
      condition     = length(flatten([for view in module.view : view.faults])) == 0
      error_message = join("\n", flatten([for view in module.view : view.faults]))
    }
    precondition {
      # The default comes from the table's name, which may be no index name (it may begin with _ or -), and from the view's.
      condition     = alltrue([for index in values(local.index_names) : can(regex("^[a-z0-9][a-z0-9._-]{0,254}$", index))])
      error_message = join("\n", [for name, index in local.index_names : "The index's name is ${jsonencode(index)}, taken from the table's: an index begins with a letter or digit, and has at most 255 characters. Give ${local.labels[name]}index.name." if !can(regex("^[a-z0-9][a-z0-9._-]{0,254}$", index))])
    }
    precondition {
      condition     = length(local.index_names_taken) == 0
      error_message = "views have the indexes ${jsonencode(local.index_names_taken)}, and another view has the same, or `searchsync doctor` tries there what another's function may do (its index with -doctor behind it). Give each view an index.name of its own."
    }
  }
}

################################################################################
# Trigger
################################################################################

# Every setting is given: one that is only left out later would make no difference in the plan.
# No filter_criteria: a change that leaves a filter's selection would never arrive.
resource "aws_lambda_event_source_mapping" "this" {
  event_source_arn                   = local.stream_arn
  function_name                      = aws_lambda_function.this.arn
  enabled                            = var.trigger.enabled
  starting_position                  = var.trigger.starting_position
  batch_size                         = var.trigger.batch_size
  maximum_batching_window_in_seconds = var.trigger.maximum_batching_window_seconds
  tumbling_window_in_seconds         = 0
  parallelization_factor             = var.trigger.parallelization_factor
  maximum_record_age_in_seconds      = var.trigger.maximum_record_age_seconds
  maximum_retry_attempts             = var.trigger.maximum_retry_attempts
  bisect_batch_on_function_error     = var.trigger.bisect_batch_on_function_error
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.tags

  destination_config {
    on_failure {
      destination_arn = var.trigger.on_failure_bucket == null ? aws_sqs_queue.failures.arn : var.trigger.on_failure_bucket.arn
    }
  }

  # Lambda refuses a mapping whose role cannot read the stream or write the destination, and the
  # first batch comes at once.
  depends_on = [
    aws_iam_role_policy.collection,
    aws_iam_role_policy.failures,
    aws_iam_role_policy.stream,
    aws_iam_role_policy.table,
    aws_opensearchserverless_access_policy.function,
  ]
}

################################################################################
# Failure queue
################################################################################

locals {
  place = zipmap(["partition", "region", "account"], [for part in [1, 3, 4] : split(":", aws_cloudwatch_log_group.function.arn)[part]])
}

resource "aws_sqs_queue" "failures" {
  name                              = local.queue_name
  message_retention_seconds         = 1209600 # 14 days, the most that SQS keeps
  visibility_timeout_seconds        = var.failure_queue.visibility_timeout_seconds
  sqs_managed_sse_enabled           = var.failure_queue.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.failure_queue.kms_key_arn
  kms_data_key_reuse_period_seconds = var.failure_queue.kms_key_arn == null ? null : 300
  tags                              = var.tags

  # An argument, not a resource of its own: SQS takes half a minute to confirm each, and the queue is
  # never without it. So its ARN is put together from its parts; the log group's has them. A data source would have
  # them too, and a `depends_on` on the module would make all that follows from it unknown while planning. And a
  # second stack of the same name stops at the log group, before CreateQueue answers with the first stack's queue.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = "arn:${local.place.partition}:sqs:${local.place.region}:${local.place.account}:${local.queue_name}"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}
