################################################################################
# Common
################################################################################

variable "name" {
  description = "Name of the reconcile function and of its state machine. The data access policy and the roles carry `prefix`, because their names are shorter."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "The reconcile function's name is ${jsonencode(var.name)}, the sync function's with -reconcile behind it: give a function.name of at most 54 letters, digits, hyphens and underscores."
  }
}

variable "prefix" {
  description = "Beginning of the names of roles and data access policy: 3 to 40 lower case letters, digits and hyphens."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of everything that can carry them."
  type        = map(string)
  default     = {}
  nullable    = false
}

################################################################################
# What is scanned
################################################################################

variable "table" {
  description = "The table: its ARN, its stream's, and the KMS key of a table that has one."
  type        = object({ arn = string, kms_key_arn = optional(string) })
  nullable    = false
}

variable "collection" {
  description = "The collection: name and ARN; whether the module grants the run its data access."
  type        = object({ name = string, arn = string, create_data_access_policy = optional(bool, true) })
  nullable    = false
}

variable "index_name" {
  description = "The index."
  type        = string
  nullable    = false
}

variable "mark_index" {
  description = "What marking an index that is taken over needs, beside the reconcile function's permissions on it."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "failure_queue" {
  description = "The queue of items that can never be written: its ARN, and its KMS key if it has one."
  type        = object({ arn = string, kms_key_arn = optional(string) })
  nullable    = false
}

################################################################################
# Function
################################################################################

variable "sync_function_name" {
  description = "The function on the stream, whose trigger and lag a run looks at."
  type        = string
  nullable    = false
}

variable "batching_window_seconds" {
  description = "Seconds that the trigger waits for a full batch: so old a change may be, though the pipeline is not late."
  type        = number
  nullable    = false
}

variable "function" {
  description = "The reconcile function: the package's place, its runtime, and what it shares with the sync function. `environment`: the sync function's variables."
  type = object({
    filename                = optional(string)
    source_code_hash        = optional(string)
    s3_bucket               = optional(string)
    s3_key                  = optional(string)
    s3_object_version       = optional(string)
    runtime                 = string
    architecture            = string
    environment             = map(string)
    environment_kms_key_arn = optional(string)
    vpc                     = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
  })
  nullable = false
}

variable "log_group" {
  description = "The reconcile function's log group: days that lines are kept, and its KMS key if it has one."
  type        = object({ retention_days = number, kms_key_arn = optional(string) })
  nullable    = false
}

variable "role" {
  description = "Path and permissions boundary of the module's roles."
  type        = object({ path = optional(string), permissions_boundary_arn = optional(string) })
  default     = {}
  nullable    = false
}

################################################################################
# Run
################################################################################

# Validated where an operator gives them: the root module's variable of the same name.
variable "settings" {
  description = "The root module's `reconciliation`."
  type = object({
    concurrency                = number
    read_units_per_second      = optional(number)
    recheck_delay_seconds      = number
    memory_size                = number
    report_bucket              = optional(object({ arn = string, kms_key_arn = optional(string) }))
    export_bucket              = optional(object({ arn = string, kms_key_arn = optional(string) }))
    verify_schedule_expression = optional(string)
    rolling                    = optional(object({ period_hours = number, every_minutes = number, read_units_per_second = optional(number) }))
  })
  nullable = false
}
