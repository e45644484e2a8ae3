output "invoke_url" {
  description = "Where to post {\"name\": …, \"type\": …}."
  value       = aws_api_gateway_stage.lab.invoke_url
}

output "rest_api_id" {
  description = "Id of the REST API."
  value       = aws_api_gateway_rest_api.this.id
}

output "stage_name" {
  description = "Name of the API's stage."
  value       = aws_api_gateway_stage.lab.stage_name
}

output "table_name" {
  description = "Table to edit and delete items in: `aws dynamodb put-item --table-name …`."
  value       = module.searchsync.table_name
}

output "stream_arn" {
  description = "The table's stream."
  value       = module.searchsync.stream_arn
}

output "collection_endpoint" {
  description = "URL of the collection's OpenSearch API."
  value       = module.searchsync.collection_endpoint
}

output "collection_id" {
  description = "Id of the collection."
  value       = module.searchsync.collection_id
}

output "data_access_policy_name" {
  description = "Policy that lets the function write the index."
  value       = module.searchsync.data_access_policy_name
}

output "dashboard_endpoint" {
  description = "URL of the collection's dashboard."
  value       = module.searchsync.dashboard_endpoint
}

output "index_name" {
  description = "Index of the documents."
  value       = module.searchsync.index_name
}

output "function_name" {
  description = "The function."
  value       = module.searchsync.function_name
}

output "log_group_name" {
  description = "Log group of the function: `aws logs tail … --follow`."
  value       = module.searchsync.log_group_name
}

output "trigger_uuid" {
  description = "UUID of the event source mapping."
  value       = module.searchsync.trigger_uuid
}

output "failure_queue_url" {
  description = "Queue of the records that could not be written."
  value       = module.searchsync.failure_queue_url
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = module.searchsync.role_arn
}

output "reconciliation_state_machine_arn" {
  description = "State machine of backfill, verify and repair: `aws stepfunctions start-execution --input '{\"task\":\"verify\"}' --state-machine-arn …`."
  value       = module.searchsync.reconciliation_state_machine_arn
}

output "reconciliation_function_name" {
  description = "The reconcile function."
  value       = module.searchsync.reconciliation_function_name
}

output "reconciliation_log_group_name" {
  description = "Log group of the reconcile function."
  value       = module.searchsync.reconciliation_log_group_name
}
