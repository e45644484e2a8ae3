# Everything that has settings, each by an object of its own: a test changes some and plans, or applies.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "own" {
  description = "Arguments of the module that makes table, collection and role."
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

module "own" {
  source = "../.."

  name           = var.own.name
  tags           = try(var.own.tags, {})
  table          = var.own.table
  collection     = var.own.collection
  index          = try(var.own.index, {})
  document       = try(var.own.document, {})
  function       = try(var.own.function, {})
  package        = try(var.own.package, {})
  log_group      = try(var.own.log_group, {})
  trigger        = try(var.own.trigger, {})
  failure_queue  = try(var.own.failure_queue, {})
  redrive        = try(var.own.redrive, {})
  role           = try(var.own.role, {})
  alarms         = try(var.own.alarms, {})
  dashboard      = try(var.own.dashboard, {})
  reconciliation = try(var.own.reconciliation, {})
}

module "existing" {
  source = "../.."

  name                = var.existing.name
  existing_table      = var.existing.existing_table
  existing_collection = var.existing.existing_collection
  existing_role       = try(var.existing.existing_role, null)
  trigger             = try(var.existing.trigger, {})
  alarms              = try(var.existing.alarms, {})
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
}
