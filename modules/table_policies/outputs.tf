output "table" {
  description = "Resource-based policy of the table, as JSON text."
  value       = local.policies.table
}

output "stream" {
  description = "Resource-based policy of the stream, as JSON text."
  value       = local.policies.stream
}
