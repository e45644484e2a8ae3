output "table_name" {
  description = "The module's output of this name."
  value       = module.searchsync.table_name
}

output "stream_arn" {
  description = "The module's output of this name."
  value       = module.searchsync.stream_arn
}

output "collection_endpoint" {
  description = "The module's output of this name."
  value       = module.searchsync.collection_endpoint
}

output "index_name" {
  description = "The module's output of this name."
  value       = module.searchsync.index_name
}

output "function_name" {
  description = "The module's output of this name."
  value       = module.searchsync.function_name
}

output "log_group_name" {
  description = "The module's output of this name."
  value       = module.searchsync.log_group_name
}

output "trigger_uuid" {
  description = "The module's output of this name."
  value       = module.searchsync.trigger_uuid
}

output "failure_queue_url" {
  description = "The module's output of this name."
  value       = module.searchsync.failure_queue_url
}

output "data_access_policy_name" {
  description = "The module's output of this name."
  value       = module.searchsync.data_access_policy_name
}

output "reconciliation_state_machine_arn" {
  description = "The module's output of this name."
  value       = module.searchsync.reconciliation_state_machine_arn
}

output "reconciliation_function_name" {
  description = "The module's output of this name."
  value       = module.searchsync.reconciliation_function_name
}

output "reconciliation_log_group_name" {
  description = "The module's output of this name."
  value       = module.searchsync.reconciliation_log_group_name
}

output "views" {
  description = "The module's output of this name."
  value       = module.searchsync.views
}
