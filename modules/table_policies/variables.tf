variable "stream_arn" {
  description = "ARN of the table's stream. Another stream has a policy of its own."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}/stream/[^/]+$", var.stream_arn))
    error_message = "stream_arn is ${jsonencode(var.stream_arn)}: give the stream's ARN (arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>), from the table's LatestStreamArn."
  }
}

variable "function_role_arn" {
  description = "ARN of the role of the sync and the redrive function, which may not exist yet: `arn:aws:iam::<account>:role/<name>-role` by default."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[0-9]{12}:role/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$", var.function_role_arn))
    error_message = "function_role_arn is ${jsonencode(var.function_role_arn)}: give the role's ARN (arn:aws:iam::<account>:role/<path><name>), not its name."
  }
}

variable "reconcile_role_arn" {
  description = "ARN of the reconcile function's role, which may not exist yet: `arn:aws:iam::<account>:role/<name>-reconcile-role`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:iam::[0-9]{12}:role/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$", var.reconcile_role_arn))
    error_message = "reconcile_role_arn is ${jsonencode(var.reconcile_role_arn)}: give the role's ARN (arn:aws:iam::<account>:role/<path><name>), not its name."
  }
}

variable "view_role_arns" {
  description = "ARNs of the roles of further views' reconcile functions (`views`), which may not exist yet: `arn:aws:iam::<account>:role/<name>-<view>-reconcile-role`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.view_role_arns : can(regex("^arn:[^:]+:iam::[0-9]{12}:role/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$", arn))])
    error_message = "view_role_arns is ${jsonencode(var.view_role_arns)}: give the roles' ARNs (arn:aws:iam::<account>:role/<path><name>), not their names."
  }
}
