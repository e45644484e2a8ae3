################################################################################
# Common
################################################################################

output "name" {
  description = "Prefix of every name that was not given."
  value       = var.name
}

################################################################################
# Table
################################################################################

output "table_name" {
  description = "Name of the table."
  value       = local.table_name
}

output "table_arn" {
  description = "ARN of the table."
  value       = local.table_arn
}

output "stream_arn" {
  description = "ARN of the table's stream."
  value       = local.stream_arn
}

output "table_owner_policies" {
  description = "What the owner of a table in another account applies: the resource-based policies of `table` and `stream`, as JSON texts; null for a table of this account."
  value       = one([for policies in module.table_policies : { table = policies.table, stream = policies.stream }])
}

output "key_attributes" {
  description = "Names of the table's key attributes, hash key first."
  value       = local.key_attributes
}

################################################################################
# Collection
################################################################################

output "collection_id" {
  description = "Id of the collection."
  value       = split("/", local.collection.arn)[1]
}

output "collection_arn" {
  description = "ARN of the collection."
  value       = local.collection.arn
}

output "collection_name" {
  description = "Name of the collection."
  value       = local.collection.name
}

output "collection_endpoint" {
  description = "URL of the collection's OpenSearch API."
  value       = local.collection.endpoint
}

output "dashboard_endpoint" {
  description = "URL of the collection's dashboard; null for an existing collection that came without."
  value       = local.collection.dashboard_endpoint
}

output "data_access_policy_name" {
  description = "Name of the policy that lets the function write the index; null when somebody else grants it."
  value       = one(aws_opensearchserverless_access_policy.function[*].name)
}

output "index_name" {
  description = "Name of the index."
  value       = local.index_name
}

################################################################################
# Function
################################################################################

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "package" {
  description = "What the functions run: `version` as each log line and `searchsync status` name it, `sources` (SHA-256 of what the zip was built from), `sha256` (of the zip) and `transform` (of your transform's file, null without one)."
  value = {
    version   = try("${local.facts.version}+${substr(local.facts.sources, 0, 12)}${try(".transform-${substr(local.facts.transform, 0, 12)}", "")}", null)
    sources   = try(local.facts.sources, null)
    sha256    = try(local.facts.sha256, null)
    transform = try(local.facts.transform, null)
  }
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.function.name
}

output "log_group_arn" {
  description = "ARN of the function's log group."
  value       = aws_cloudwatch_log_group.function.arn
}

################################################################################
# Trigger
################################################################################

output "trigger_uuid" {
  description = "UUID of the event source mapping."
  value       = aws_lambda_event_source_mapping.this.uuid
}

output "trigger_arn" {
  description = "ARN of the event source mapping."
  value       = aws_lambda_event_source_mapping.this.arn
}

################################################################################
# Failure queue
################################################################################

output "failure_queue_name" {
  description = "Name of the failure queue."
  value       = aws_sqs_queue.failures.name
}

output "failure_queue_url" {
  description = "URL of the failure queue."
  value       = aws_sqs_queue.failures.url
}

output "failure_queue_arn" {
  description = "ARN of the failure queue."
  value       = aws_sqs_queue.failures.arn
}

################################################################################
# Redrive
################################################################################

output "redrive_function_name" {
  description = "Name of the redrive function."
  value       = aws_lambda_function.redrive.function_name
}

output "redrive_function_arn" {
  description = "ARN of the redrive function."
  value       = aws_lambda_function.redrive.arn
}

################################################################################
# Role
################################################################################

output "role_name" {
  description = "Name of the function's role."
  value       = local.role.name
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = local.role.arn
}

################################################################################
# Alarms
################################################################################

output "alarm_arns" {
  description = "ARNs of the alarms, by what they watch."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn }
}

################################################################################
# Dashboard
################################################################################

output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "dashboard_arn" {
  description = "ARN of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_arn)
}

################################################################################
# Reconciliation
################################################################################

output "reconciliation_state_machine_arn" {
  description = "ARN of the state machine that reconciles the whole table."
  value       = module.reconciliation.state_machine_arn
}

output "reconciliation_function_name" {
  description = "Name of the reconcile function."
  value       = module.reconciliation.function_name
}

output "reconciliation_log_group_name" {
  description = "Name of the reconcile function's log group."
  value       = module.reconciliation.log_group_name
}

output "reconciliation_role_arn" {
  description = "ARN of the reconcile function's role, a principal of its own in the data access policies."
  value       = module.reconciliation.role_arn
}

################################################################################
# Views
################################################################################

output "views" {
  description = "Of each further view, by its name: `index_name`, `reconciliation_state_machine_arn`, `reconciliation_function_name`, `reconciliation_log_group_name` and `reconciliation_role_arn`, as the outputs of these names are the first one's."
  value = { for name, run in module.view_reconciliation : name => {
    index_name                       = local.index_names[name]
    reconciliation_state_machine_arn = run.state_machine_arn
    reconciliation_function_name     = run.function_name
    reconciliation_log_group_name    = run.log_group_name
    reconciliation_role_arn          = run.role_arn
  } }
}
