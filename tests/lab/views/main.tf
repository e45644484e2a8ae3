# A stack with further views, and without them.

variable "views" {
  description = "The setting views."
  type        = any
}

module "searchsync" {
  source = "../.."

  name           = "views"
  table          = { name = "views", hash_key = { name = "id" }, stream_view_type = "NEW_AND_OLD_IMAGES", ttl = { attribute = "expires" }, deletion_protection = false }
  collection     = { name = "views", network = "public" }
  document       = { exclude = ["secret"] }
  views          = var.views
  dashboard      = { enabled = true }
  reconciliation = { verify_schedule_expression = "rate(1 day)", rolling = {} }
}
