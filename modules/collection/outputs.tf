################################################################################
# Collection
################################################################################

output "id" {
  description = "The collection's id, the first part of its endpoint."
  value       = aws_opensearchserverless_collection.this.id
}

output "arn" {
  description = "The collection's ARN, for IAM policies with `aoss:APIAccessAll`."
  value       = aws_opensearchserverless_collection.this.arn
}

output "name" {
  description = "The collection's name, for data access policies."
  value       = aws_opensearchserverless_collection.this.name
}

output "endpoint" {
  description = "URL of the OpenSearch API."
  value       = aws_opensearchserverless_collection.this.collection_endpoint
}

output "dashboard_endpoint" {
  description = "URL of OpenSearch Dashboards."
  value       = aws_opensearchserverless_collection.this.dashboard_endpoint
}

################################################################################
# Encryption
################################################################################

output "encryption_policy_name" {
  description = "Name of the encryption policy."
  value       = module.policies.encryption_policy_name
}

################################################################################
# Network access
################################################################################

output "network_policy_name" {
  description = "Name of the network policy."
  value       = module.policies.network_policy_name
}

################################################################################
# Data access
################################################################################

output "data_access_policy_name" {
  description = "Name of the readers' data access policy, or null."
  value       = module.policies.data_access_policy_name
}
