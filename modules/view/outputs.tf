output "settings" {
  description = "What is given of `mapping`, `settings`, `adopt` and `document`; nothing of what is as by default."
  value       = { for name, value in merge(var.index, { name = null, document = local.document }) : name => value if value != null }
}

output "environment" {
  description = "The same as a function's variables."
  # Compressed: all variables together have 4 KB.
  value = merge(
    var.index.mapping == null ? {} : { INDEX_MAPPING = base64gzip(var.index.mapping) },
    var.index.settings == null ? {} : { INDEX_SETTINGS = base64gzip(var.index.settings) },
    var.index.adopt == null ? {} : { INDEX_ADOPT = var.index.adopt },
    local.document == null ? {} : { DOCUMENT_SHAPE = base64gzip(jsonencode(local.document)) },
  )
}

output "mark_index" {
  description = "What an index that is taken over needs beside: its mark is put into its mapping."
  value       = var.index.adopt == null ? [] : ["aoss:UpdateIndex"]
}

output "faults" {
  description = "Why the table's items could have no documents of this shape, a text each."
  value       = local.faults
}
