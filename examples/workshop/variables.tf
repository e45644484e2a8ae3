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

variable "standby_replicas" {
  description = "Whether the collection has a second copy in another zone. true doubles the floor of an account's first collection, to about $350 a month; a workshop can do without."
  type        = bool
  default     = false
  nullable    = false
}

variable "data_access_principals" {
  description = "ARNs of the roles and users that may read the collection, to look at the documents by hand or in the dashboard."
  type        = list(string)
  default     = []
  nullable    = false
}
