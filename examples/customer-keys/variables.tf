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
