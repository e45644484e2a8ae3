output "graphql_url" {
  description = "URL of the API, for requests that are signed with IAM (service `appsync`)."
  value       = aws_appsync_graphql_api.this.uris["GRAPHQL"]
}

output "api_id" {
  description = "ID of the API."
  value       = aws_appsync_graphql_api.this.id
}

output "table_name" {
  description = "The base table."
  value       = aws_dynamodb_table.posts.name
}

output "delta_table_name" {
  description = "The delta table."
  value       = aws_dynamodb_table.delta.name
}

output "collection_endpoint" {
  description = "URL of the collection's OpenSearch API."
  value       = module.searchsync.collection_endpoint
}

output "index_name" {
  description = "Index of the documents."
  value       = module.searchsync.index_name
}

output "function_name" {
  description = "The function: `searchsync status --name …`."
  value       = module.searchsync.function_name
}

output "log_group_name" {
  description = "Log group of the function."
  value       = module.searchsync.log_group_name
}

output "failure_queue_url" {
  description = "Queue of the records that could not be written."
  value       = module.searchsync.failure_queue_url
}

output "reconciliation_state_machine_arn" {
  description = "State machine of backfill, verify and repair."
  value       = module.searchsync.reconciliation_state_machine_arn
}

output "reconciliation_function_name" {
  description = "Function of the runs."
  value       = module.searchsync.reconciliation_function_name
}
