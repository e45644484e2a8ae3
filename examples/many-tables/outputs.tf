output "collection_endpoint" {
  description = "URL of the collection's OpenSearch API."
  value       = module.collection.endpoint
}

output "stacks" {
  description = "By table: the function (`searchsync status --name …`), the index and the failure queue."
  value = { for table, stack in module.searchsync : table => {
    table_name        = stack.table_name
    function_name     = stack.function_name
    index_name        = stack.index_name
    failure_queue_url = stack.failure_queue_url
    log_group_name    = stack.log_group_name
  } }
}
