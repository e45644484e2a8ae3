# Everything that has settings, each by an object of its own: a test changes some and plans, or applies.

variable "own" {
  description = "Arguments of the module that makes table, collection and role, by copy."
  type        = any
}

variable "existing" {
  description = "Arguments of the module on a table, a collection and a role that are there."
  type        = any
}

variable "collection" {
  description = "Arguments of modules/collection alone."
  type        = any
}

variable "policies" {
  description = "Arguments of modules/collection_policies alone."
  type        = any
}

variable "upstream" {
  description = "What all modules here wait for, and nothing of them reads."
  type        = string
  default     = "as applied"
}

resource "terraform_data" "upstream" {
  input = var.upstream
}

module "own" {
  source   = "../.."
  for_each = var.own

  name           = each.value.name
  tags           = try(each.value.tags, {})
  table          = each.value.table
  collection     = each.value.collection
  index          = try(each.value.index, {})
  document       = try(each.value.document, {})
  views          = try(each.value.views, {})
  function       = try(each.value.function, {})
  package        = try(each.value.package, {})
  log_group      = try(each.value.log_group, {})
  trigger        = try(each.value.trigger, {})
  failure_queue  = try(each.value.failure_queue, {})
  redrive        = try(each.value.redrive, {})
  role           = try(each.value.role, {})
  alarms         = try(each.value.alarms, {})
  dashboard      = try(each.value.dashboard, {})
  reconciliation = try(each.value.reconciliation, {})

  depends_on = [terraform_data.upstream]
}

module "existing" {
  source = "../.."

  name                = var.existing.name
  existing_table      = var.existing.existing_table
  existing_collection = var.existing.existing_collection
  existing_role       = try(var.existing.existing_role, null)
  trigger             = try(var.existing.trigger, {})
  alarms              = try(var.existing.alarms, {})

  depends_on = [terraform_data.upstream]
}

module "collection" {
  source = "../../modules/collection"

  name                    = var.collection.name
  description             = try(var.collection.description, "A collection")
  standby_replicas        = try(var.collection.standby_replicas, true)
  tags                    = try(var.collection.tags, {})
  kms_key_arn             = try(var.collection.kms_key_arn, null)
  encryption_policy_name  = try(var.collection.encryption_policy_name, null)
  network                 = var.collection.network
  vpc_endpoint_ids        = try(var.collection.vpc_endpoint_ids, [])
  network_policy_name     = try(var.collection.network_policy_name, null)
  data_access_principals  = try(var.collection.data_access_principals, [])
  data_access_policy_name = try(var.collection.data_access_policy_name, null)

  depends_on = [terraform_data.upstream]
}

module "policies" {
  source = "../../modules/collection_policies"

  collection_name         = var.policies.collection_name
  description             = try(var.policies.description, "Policies")
  kms_key_arn             = try(var.policies.kms_key_arn, null)
  encryption_policy_name  = try(var.policies.encryption_policy_name, null)
  network                 = var.policies.network
  vpc_endpoint_ids        = try(var.policies.vpc_endpoint_ids, [])
  network_policy_name     = try(var.policies.network_policy_name, null)
  data_access_principals  = try(var.policies.data_access_principals, [])
  data_access_policy_name = try(var.policies.data_access_policy_name, null)

  depends_on = [terraform_data.upstream]
}
