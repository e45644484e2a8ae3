output "table_name" {
  description = "The table that both follow."
  value       = aws_dynamodb_table.accounts.name
}

output "stacks" {
  description = "By collection: its endpoint, the function (`searchsync status --name …`), the index and the failure queue."
  value = { for name, stack in module.searchsync : name => {
    collection_endpoint = stack.collection_endpoint
    function_name       = stack.function_name
    index_name          = stack.index_name
    failure_queue_url   = stack.failure_queue_url
    log_group_name      = stack.log_group_name
  } }
}
