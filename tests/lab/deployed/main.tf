# Everything that the module creates, in two states: each call of the deployer is made between them.

variable "changed" {
  description = "false: as created; true: everything that can be changed in place is changed."
  type        = bool
}

variable "package" {
  description = "The function's zip."
  type        = string
}

module "searchsync" {
  source = "../.."

  name = "deployed"
  tags = var.changed ? { new = "2" } : { old = "1" }

  table = {
    name                   = "deployed"
    hash_key               = { name = "id" }
    deletion_protection    = var.changed
    point_in_time_recovery = !var.changed
    ttl                    = { attribute = "expires", enabled = var.changed }
  }

  collection = {
    name                   = "deployed"
    network                = "public"
    description            = var.changed ? "Changed" : "As created"
    data_access_principals = ["arn:aws:iam::000000000000:role/reader"]
  }

  function = {
    memory_size          = var.changed ? 1024 : 512
    reserved_concurrency = var.changed ? null : 2
  }
  index     = { mapping = jsonencode({ properties = { number = { type = "long" } } }) }
  package   = { file = var.package }
  log_group = { retention_days = var.changed ? 7 : 30 }
  trigger   = { enabled = var.changed, batch_size = var.changed ? 100 : 500 } # off: an export can be loaded
  role      = { permissions_boundary_arn = var.changed ? null : "arn:aws:iam::aws:policy/AdministratorAccess" }

  failure_queue = { visibility_timeout_seconds = var.changed ? 1000 : 900 }
  redrive       = { schedule_expression = var.changed ? "rate(2 hours)" : "rate(1 hour)" }
  alarms        = { failure_age_seconds = var.changed ? 600 : 300 }
  dashboard     = { enabled = true }

  reconciliation = {
    concurrency                = var.changed ? 8 : 4
    report_bucket              = { arn = "arn:aws:s3:::reports" }
    export_bucket              = { arn = "arn:aws:s3:::exports" }
    rolling                    = var.changed ? { period_hours = 24, every_minutes = 15 } : null
    verify_schedule_expression = var.changed ? "cron(0 4 * * ? *)" : "cron(0 3 * * ? *)"
  }
}
