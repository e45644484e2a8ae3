# Tables of one service, each with its own stack, all in one collection: an index a table.

provider "aws" {
  region = var.region
}

locals {
  # By what they hold, which names table, stack and index.
  tables = {
    customers = { hash_key = { name = "id" } }
    orders    = { hash_key = { name = "customer" }, range_key = { name = "order", type = "N" } }
    products  = { hash_key = { name = "sku" } }
  }
}

# The floor of 2 OCU is the account's: further collections, and further indexes, add nothing to it.
module "collection" {
  source = "../../modules/collection"

  name                   = "shop-search"
  description            = "What the shop searches"
  network                = "public"
  standby_replicas       = false
  data_access_principals = var.data_access_principals
}

module "searchsync" {
  source   = "../.."
  for_each = local.tables

  name = "shop-${each.key}"

  table = {
    name                = "shop-${each.key}"
    hash_key            = each.value.hash_key
    range_key           = try(each.value.range_key, null)
    deletion_protection = false # so that `terraform destroy` clears the example away
  }

  existing_collection = {
    name     = module.collection.name
    arn      = module.collection.arn
    endpoint = module.collection.endpoint
  }

  function = { runtime = var.runtime }

  # One place tells of all of them: a topic that alarms write to.
  alarms = { actions = var.alarm_actions }
}
