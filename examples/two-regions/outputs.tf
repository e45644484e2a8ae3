output "table_name" {
  description = "The table, of this name in both regions."
  value       = aws_dynamodb_table.orders.name
}

output "stacks" {
  description = "By region: the collection's endpoint, the function (`searchsync status --region … --name …`), the index and the failure queue."
  value = { for region, stack in { (var.region) = module.here, (var.replica_region) = module.there } : region => {
    collection_endpoint = stack.collection_endpoint
    function_name       = stack.function_name
    index_name          = stack.index_name
    failure_queue_url   = stack.failure_queue_url
  } }
}
