################################################################################
# Collection group
################################################################################

# The generation is the group's. No setting for replicas: the provider refuses NEXTGEN without them.
resource "aws_opensearchserverless_collection_group" "this" {
  name             = coalesce(var.group_name, var.name)
  description      = var.description
  generation       = "NEXTGEN"
  standby_replicas = "ENABLED"
  tags             = var.tags

  # All four: AWS takes a limit that is left out for its own default.
  capacity_limits {
    min_indexing_capacity_in_ocu = var.capacity_limits.min_indexing_ocu
    max_indexing_capacity_in_ocu = var.capacity_limits.max_indexing_ocu
    min_search_capacity_in_ocu   = var.capacity_limits.min_search_ocu
    max_search_capacity_in_ocu   = var.capacity_limits.max_search_ocu
  }
}

################################################################################
# Collection
################################################################################

# SEARCH is no setting: no other type takes a caller's document id.
resource "aws_opensearchserverless_collection" "this" {
  name                  = var.name
  type                  = "SEARCH"
  description           = var.description
  collection_group_name = aws_opensearchserverless_collection_group.this.name
  standby_replicas      = "ENABLED"
  tags                  = var.tags

  # As in modules/collection.
  depends_on = [module.policies]
}

################################################################################
# Encryption, network access, data access
################################################################################

module "policies" {
  source = "../collection_policies"

  collection_name        = var.name
  description            = var.description
  kms_key_arn            = var.kms_key_arn
  network                = var.network
  vpc_endpoint_ids       = var.vpc_endpoint_ids
  data_access_principals = var.data_access_principals
}
