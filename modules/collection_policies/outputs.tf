################################################################################
# Encryption
################################################################################

output "encryption_policy_name" {
  description = "Name of the encryption policy."
  value       = aws_opensearchserverless_security_policy.encryption.name
}

################################################################################
# Network access
################################################################################

output "network_policy_name" {
  description = "Name of the network policy."
  value       = aws_opensearchserverless_security_policy.network.name
}

################################################################################
# Data access
################################################################################

output "data_access_policy_name" {
  description = "Name of the readers' data access policy, or null."
  value       = one(aws_opensearchserverless_access_policy.readers[*].name)
}
