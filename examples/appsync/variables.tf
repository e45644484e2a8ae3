variable "region" {
  description = "AWS region of the whole example."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "runtime" {
  description = "Runtime of the function; the package must be built for it (`python build.py --runtime …`)."
  type        = string
  default     = "python3.12"
  nullable    = false
}

variable "data_access_principals" {
  description = "ARNs of the roles and users that may read the collection."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "keep_deleted_minutes" {
  description = "Minutes for which AppSync keeps a deleted post, so that clients hear of it. 0 deletes it at once."
  type        = number
  default     = 43200
  nullable    = false

  validation {
    condition     = var.keep_deleted_minutes >= 0 && floor(var.keep_deleted_minutes) == var.keep_deleted_minutes
    error_message = "keep_deleted_minutes is a whole number of minutes, 0 or more: 43200 is 30 days."
  }
}
