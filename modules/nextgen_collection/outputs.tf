################################################################################
# Collection group
################################################################################

output "group_name" {
  description = "Name of the collection group, for further collections that share its compute units."
  value       = aws_opensearchserverless_collection_group.this.name
}

################################################################################
# Collection
################################################################################

output "id" {
  description = "The collection's id, the first part of its endpoint."
  value       = aws_opensearchserverless_collection.this.id
}

output "existing_collection" {
  description = "The collection as searchsync's variable of this name takes it."
  value = {
    name               = aws_opensearchserverless_collection.this.name
    arn                = aws_opensearchserverless_collection.this.arn
    endpoint           = aws_opensearchserverless_collection.this.collection_endpoint
    dashboard_endpoint = aws_opensearchserverless_collection.this.dashboard_endpoint
  }
}
