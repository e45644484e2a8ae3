################################################################################
# Collection
################################################################################

variable "name" {
  description = "Name of the collection. Another name replaces the collection, with everything in it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.name))
    error_message = "The collection's name is ${jsonencode(var.name)}: use 3 to 32 lower case letters, digits and hyphens, beginning with a letter."
  }
}

variable "description" {
  description = "Text that the console shows beside the collection and its policies."
  type        = string
  default     = "Documents that searchsync keeps in step with a DynamoDB table"
  nullable    = false

  validation {
    condition     = length(var.description) >= 1 && length(var.description) <= 1000
    error_message = "The collection's description has ${length(var.description)} characters: give 1 to 1000."
  }
}

variable "standby_replicas" {
  description = <<-EOT
    Whether every shard has a second copy in another availability zone. Another value replaces the collection.
    The first collection of an account starts a floor of compute units that all its collections share:
    2 OCU with replicas (about $350 a month), 1 OCU without (about half of it).
  EOT
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of the collection."
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

variable "encryption_policy_name" {
  description = "Name of the encryption policy. null: the collection's name."
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

variable "network_policy_name" {
  description = "Name of the network policy. null: the collection's name."
  type        = string
  default     = null
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

variable "data_access_policy_name" {
  description = "Name of the readers' data access policy. null: the collection's name."
  type        = string
  default     = null
}
