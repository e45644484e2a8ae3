################################################################################
# Encryption
################################################################################

resource "aws_opensearchserverless_security_policy" "encryption" {
  name        = coalesce(var.encryption_policy_name, var.collection_name)
  type        = "encryption"
  description = var.description

  policy = var.kms_key_arn == null ? jsonencode({
    AWSOwnedKey = true
    Rules       = [{ Resource = ["collection/${var.collection_name}"], ResourceType = "collection" }]
    }) : jsonencode({
    AWSOwnedKey = false
    KmsARN      = var.kms_key_arn
    Rules       = [{ Resource = ["collection/${var.collection_name}"], ResourceType = "collection" }]
  })
}

################################################################################
# Network access
################################################################################

locals {
  # The dashboard's rule names the collection too: its resource is `collection/…`, not `dashboard/…`.
  network_rules = [for type in ["collection", "dashboard"] : {
    Resource     = ["collection/${var.collection_name}"]
    ResourceType = type
  }]
}

resource "aws_opensearchserverless_security_policy" "network" {
  name        = coalesce(var.network_policy_name, var.collection_name)
  type        = "network"
  description = var.description

  policy = var.network == "public" ? jsonencode([{
    AllowFromPublic = true
    Rules           = local.network_rules
    }]) : jsonencode([{
    AllowFromPublic = false
    Rules           = local.network_rules
    SourceVPCEs     = sort(var.vpc_endpoint_ids)
  }])
}

################################################################################
# Data access
################################################################################

resource "aws_opensearchserverless_access_policy" "readers" {
  count = length(var.data_access_principals) == 0 ? 0 : 1

  name        = coalesce(var.data_access_policy_name, var.collection_name)
  type        = "data"
  description = var.description

  policy = jsonencode([{
    Principal = sort(var.data_access_principals)
    Rules = [
      {
        Permission   = ["aoss:DescribeCollectionItems"]
        Resource     = ["collection/${var.collection_name}"]
        ResourceType = "collection"
      },
      {
        Permission   = ["aoss:DescribeIndex", "aoss:ReadDocument"]
        Resource     = ["index/${var.collection_name}/*"]
        ResourceType = "index"
      },
    ]
  }])
}
