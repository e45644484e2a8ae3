################################################################################
# Collection
################################################################################

# SEARCH is no setting: no other type takes a caller's document id.
resource "aws_opensearchserverless_collection" "this" {
  name             = var.name
  type             = "SEARCH"
  description      = var.description
  standby_replicas = var.standby_replicas ? "ENABLED" : "DISABLED"
  tags             = var.tags

  # AOSS refuses a collection that no encryption policy covers. The network policy comes first
  # so that the collection is reachable, by whom it should be, from its first moment.
  depends_on = [module.policies]

  lifecycle {
    postcondition {
      # AOSS takes the key from the encryption policy when it makes the collection, and never again. Of a key that AWS
      # owns it says "auto" (API CreateCollection, `kmsKeyArn`).
      condition     = var.kms_key_arn == null ? !startswith(coalesce(self.kms_key_arn, "auto"), "arn:") : self.kms_key_arn == var.kms_key_arn
      error_message = "kms_key_arn is ${jsonencode(var.kms_key_arn)}, and the collection is encrypted with ${jsonencode(self.kms_key_arn)} for good. Give that one; or replace the collection (terraform apply -replace), with everything in it, and run a backfill."
    }
  }
}

################################################################################
# Encryption, network access, data access
################################################################################

module "policies" {
  source = "../collection_policies"

  collection_name         = var.name
  description             = var.description
  kms_key_arn             = var.kms_key_arn
  encryption_policy_name  = var.encryption_policy_name
  network                 = var.network
  vpc_endpoint_ids        = var.vpc_endpoint_ids
  network_policy_name     = var.network_policy_name
  data_access_principals  = var.data_access_principals
  data_access_policy_name = var.data_access_policy_name
}

# A state from before the policies had a module of their own keeps them.
moved {
  from = aws_opensearchserverless_security_policy.encryption
  to   = module.policies.aws_opensearchserverless_security_policy.encryption
}

moved {
  from = aws_opensearchserverless_security_policy.network
  to   = module.policies.aws_opensearchserverless_security_policy.network
}

moved {
  from = aws_opensearchserverless_access_policy.readers
  to   = module.policies.aws_opensearchserverless_access_policy.readers
}
