output "table_name" {
  description = "The table."
  value       = module.searchsync.table_name
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
