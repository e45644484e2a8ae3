# A stack with a rolling verification of the shortest period, and without it.

variable "rolling" {
  description = "The setting reconciliation.rolling."
  type        = any
}

module "searchsync" {
  source = "../.."

  name           = "rolling"
  table          = { name = "rolling", hash_key = { name = "id" }, deletion_protection = false }
  collection     = { name = "rolling", network = "public" }
  reconciliation = { concurrency = 1, recheck_delay_seconds = 12, rolling = var.rolling } # one segment, one range
}
