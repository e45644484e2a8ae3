################################################################################
# Reconciliation: backfill, verify, repair
################################################################################

module "reconciliation" {
  source = "./modules/reconciliation"

  name   = "${local.function_name}-reconcile"
  prefix = var.name
  tags   = var.tags

  table = { arn = local.table_arn, kms_key_arn = local.table_kms_key_arn }
  collection = {
    name                      = local.collection.name
    arn                       = local.collection.arn
    create_data_access_policy = try(var.existing_collection.create_data_access_policy, true)
  }
  index_name    = local.index_name
  mark_index    = local.mark_index
  failure_queue = { arn = aws_sqs_queue.failures.arn, kms_key_arn = var.failure_queue.kms_key_arn }

  sync_function_name      = local.function_name
  batching_window_seconds = var.trigger.maximum_batching_window_seconds
  # The sync function's own arguments: one zip, one environment.
  function = {
    filename                = aws_lambda_function.this.filename
    source_code_hash        = aws_lambda_function.this.source_code_hash
    s3_bucket               = aws_lambda_function.this.s3_bucket
    s3_key                  = aws_lambda_function.this.s3_key
    s3_object_version       = aws_lambda_function.this.s3_object_version
    runtime                 = var.function.runtime
    architecture            = var.function.architecture
    environment             = aws_lambda_function.this.environment[0].variables
    environment_kms_key_arn = var.function.environment_kms_key_arn
    vpc                     = var.function.vpc
  }
  log_group = { retention_days = var.log_group.retention_days, kms_key_arn = var.log_group.kms_key_arn }
  role      = { path = var.role.path, permissions_boundary_arn = var.role.permissions_boundary_arn }
  settings  = var.reconciliation
}
