################################################################################
# Common
################################################################################

# Validated where an operator gives them: the modules that make a collection.
variable "collection_name" {
  description = "Name of the collection that the policies are about, and of each policy that has none of its own."
  type        = string
  nullable    = false
}

variable "description" {
  description = "Text that the console shows beside the policies."
  type        = string
  nullable    = false
}

################################################################################
# Encryption
################################################################################

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the collection. null: a key that AWS owns, without cost. It cannot be changed later."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$", var.kms_key_arn))
    error_message = "The collection's kms_key_arn is ${jsonencode(var.kms_key_arn)}: give the key's ARN (arn:aws:kms:<region>:<account>:key/<id>), not an alias, or null for a key that AWS owns."
  }
}

variable "encryption_policy_name" {
  description = "Name of the encryption policy. null: the collection's name."
  type        = string
  default     = null

  validation {
    condition     = var.encryption_policy_name == null ? true : can(regex("^[a-z][a-z0-9-]{2,31}$", var.encryption_policy_name))
    error_message = "encryption_policy_name is ${jsonencode(var.encryption_policy_name)}: use 3 to 32 lower case letters, digits and hyphens, beginning with a letter."
  }
}

################################################################################
# Network access
################################################################################

variable "network" {
  description = "Who reaches the collection and its dashboard: `public`, signed requests from the internet of principals in a data access policy, or `vpc`, those through `vpc_endpoint_ids` alone."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["public", "vpc"], var.network)
    error_message = "network is ${jsonencode(var.network)}: choose who reaches the collection, \"public\" or \"vpc\"."
  }
  validation {
    condition     = (var.network == "vpc") == (length(var.vpc_endpoint_ids) > 0)
    error_message = "network is ${jsonencode(var.network)} and vpc_endpoint_ids is ${jsonencode(var.vpc_endpoint_ids)}: give the endpoints with \"vpc\", and none with \"public\"."
  }
}

variable "vpc_endpoint_ids" {
  description = "OpenSearch Serverless VPC endpoints (`vpce-…`) that alone reach the collection and its dashboard, for `network = \"vpc\"`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_endpoint_ids : can(regex("^vpce-[0-9a-z]+$", id))])
    error_message = "vpc_endpoint_ids is ${jsonencode(var.vpc_endpoint_ids)}: give ids of OpenSearch Serverless VPC endpoints, like vpce-0123456789abcdef0."
  }
}

variable "network_policy_name" {
  description = "Name of the network policy. null: the collection's name."
  type        = string
  default     = null

  validation {
    condition     = var.network_policy_name == null ? true : can(regex("^[a-z][a-z0-9-]{2,31}$", var.network_policy_name))
    error_message = "network_policy_name is ${jsonencode(var.network_policy_name)}: use 3 to 32 lower case letters, digits and hyphens, beginning with a letter."
  }
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

  validation {
    condition     = alltrue([for arn in var.data_access_principals : can(regex("^(arn:[^:]+:(iam|sts)::[0-9]{12}:(role|user|assumed-role)/[^*]+|saml/[^*]+)$", arn))])
    error_message = "data_access_principals is ${jsonencode(var.data_access_principals)}: give ARNs of IAM roles or users (arn:aws:iam::<account>:role/<name>); a wildcard is refused."
  }
}

variable "data_access_policy_name" {
  description = "Name of the readers' data access policy. null: the collection's name."
  type        = string
  default     = null

  validation {
    condition     = var.data_access_policy_name == null ? true : can(regex("^[a-z][a-z0-9-]{2,31}$", var.data_access_policy_name))
    error_message = "data_access_policy_name is ${jsonencode(var.data_access_policy_name)}: use 3 to 32 lower case letters, digits and hyphens, beginning with a letter."
  }
}
