variable "region" {
  description = "AWS region of the table and the first stack."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "replica_region" {
  description = "AWS region of the replica and the second stack."
  type        = string
  default     = "us-west-2"
  nullable    = false
}

variable "runtime" {
  description = "Runtime of the function; the package must be built for it (`python build.py --runtime …`)."
  type        = string
  default     = "python3.12"
  nullable    = false
}

variable "data_access_principals" {
  description = "ARNs of the roles and users that may read both collections."
  type        = list(string)
  default     = []
  nullable    = false
}
