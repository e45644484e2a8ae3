################################################################################
# Collection group
################################################################################

variable "group_name" {
  description = "Name of the collection group. null: the collection's name. Another name replaces group and collection, with everything in it."
  type        = string
  default     = null

  validation {
    condition     = var.group_name == null ? true : can(regex("^[a-z][a-z0-9-]{2,31}$", var.group_name))
    error_message = "group_name is ${jsonencode(var.group_name)}: use 3 to 32 lower case letters, digits and hyphens, beginning with a letter."
  }
}

variable "capacity_limits" {
  description = <<-EOT
    OpenSearch Compute Units (OCU) of the group, for indexing and for search apart.
    - `min_indexing_ocu`, `min_search_ocu`: what stays awake and is paid for at rest. 0: that part falls asleep after 10 idle minutes, costs no compute then, and takes 10 to 30 s to wake.
    - `max_indexing_ocu`, `max_search_ocu`: the most that is used, and paid for, under load; at the limit writes are refused until load falls.
  EOT
  type = object({
    min_indexing_ocu = optional(number, 0)
    max_indexing_ocu = optional(number, 8)
    min_search_ocu   = optional(number, 0)
    max_search_ocu   = optional(number, 8)
  })
  default  = {}
  nullable = false

  validation {
    # "Collection group capacity limits": only these values are taken. A minimum of 0: "Scale to zero".
    condition     = alltrue([for ocu in values(var.capacity_limits) : contains([0, 1, 2, 4, 8], ocu) || ocu > 0 && ocu % 16 == 0])
    error_message = "capacity_limits is ${jsonencode(var.capacity_limits)}: give 0 for a minimum, or 1, 2, 4, 8, 16 or a multiple of 16."
  }
  validation {
    condition     = var.capacity_limits.min_indexing_ocu >= 0 && var.capacity_limits.max_indexing_ocu >= 1 && var.capacity_limits.min_indexing_ocu <= var.capacity_limits.max_indexing_ocu
    error_message = "capacity_limits.min_indexing_ocu and max_indexing_ocu are ${var.capacity_limits.min_indexing_ocu} and ${var.capacity_limits.max_indexing_ocu}: give a minimum from 0, and a maximum from 1 that is not below it."
  }
  validation {
    condition     = var.capacity_limits.min_search_ocu >= 0 && var.capacity_limits.max_search_ocu >= 1 && var.capacity_limits.min_search_ocu <= var.capacity_limits.max_search_ocu
    error_message = "capacity_limits.min_search_ocu and max_search_ocu are ${var.capacity_limits.min_search_ocu} and ${var.capacity_limits.max_search_ocu}: give a minimum from 0, and a maximum from 1 that is not below it."
  }
}

################################################################################
# Collection
################################################################################

variable "name" {
  description = "Name of the collection and of its policies. Another name replaces the collection, with everything in it."
  type        = string
  nullable    = false

  # AWS takes 64 characters and underscores, its policies and groups (which carry the name) 32 and none.
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.name))
    error_message = "The collection's name is ${jsonencode(var.name)}: use 3 to 32 lower case letters, digits and hyphens, beginning with a letter. AWS takes longer names and underscores: make such a collection yourself, and give it to searchsync as existing_collection."
  }
}

variable "description" {
  description = "Text that the console shows beside the group, the collection and its policies."
  type        = string
  default     = "Documents that searchsync keeps in step with a DynamoDB table"
  nullable    = false

  validation {
    condition     = length(var.description) >= 1 && length(var.description) <= 1000
    error_message = "The collection's description has ${length(var.description)} characters: give 1 to 1000."
  }
}

variable "tags" {
  description = "Tags of the group and of the collection."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : length(key) >= 1 && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags has ${length(var.tags)} tags with the keys ${jsonencode(keys(var.tags))}: give at most 50, keys of 1 to 128 characters that do not begin with aws:, and values of at most 256."
  }
}

# What the values below may be stands once, in modules/collection_policies.

################################################################################
# Encryption
################################################################################

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the collection. null: a key that AWS owns, without cost. It cannot be changed later."
  type        = string
  default     = null
}

################################################################################
# Network access
################################################################################

variable "network" {
  description = "Who reaches the collection and its dashboard: `public`, signed requests from the internet of principals in a data access policy, or `vpc`, those through `vpc_endpoint_ids` alone."
  type        = string
  nullable    = false
}

variable "vpc_endpoint_ids" {
  description = "OpenSearch Serverless VPC endpoints (`vpce-…`) that alone reach the collection and its dashboard, for `network = \"vpc\"`."
  type        = list(string)
  default     = []
  nullable    = false
}

################################################################################
# Data access
################################################################################

variable "data_access_principals" {
  description = <<-EOT
    ARNs of the roles and users that may read every index of the collection (ReadDocument, DescribeIndex).
    They need `aoss:APIAccessAll` in IAM too. Empty: no policy for readers.
  EOT
  type        = list(string)
  default     = []
  nullable    = false
}
