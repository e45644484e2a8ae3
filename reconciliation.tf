################################################################################
# Reconciliation: backfill, verify, repair
################################################################################

locals {
  # The sync function's variables that a reconcile function has too: those of its own view, and not the others' views.
  reconcile_environment = { for name, value in aws_lambda_function.this.environment[0].variables : name => value if name != "VIEWS" }
  of_a_view             = ["DOCUMENT_SHAPE", "INDEX_ADOPT", "INDEX_MAPPING", "INDEX_SETTINGS"]
  view_environments = { for name in keys(var.views) : name => merge(
    { for variable, value in local.reconcile_environment : variable => value if !contains(local.of_a_view, variable) },
    module.view[name].environment,
    { OPENSEARCH_INDEX = local.index_names[name], VIEW = name },
  ) }

  # The sync function's own arguments: one zip.
  reconcile_function = {
    filename                = aws_lambda_function.this.filename
    source_code_hash        = aws_lambda_function.this.source_code_hash
    s3_bucket               = aws_lambda_function.this.s3_bucket
    s3_key                  = aws_lambda_function.this.s3_key
    s3_object_version       = aws_lambda_function.this.s3_object_version
    runtime                 = var.function.runtime
    architecture            = var.function.architecture
    environment_kms_key_arn = var.function.environment_kms_key_arn
    vpc                     = var.function.vpc
  }
  reconcile_collection = {
    name                      = local.collection.name
    arn                       = local.collection.arn
    create_data_access_policy = try(var.existing_collection.create_data_access_policy, true)
  }
}

module "reconciliation" {
  source = "./modules/reconciliation"

  name   = "${local.function_name}-reconcile"
  prefix = var.name
  tags   = var.tags

  table         = { arn = local.table_arn, kms_key_arn = local.table_kms_key_arn }
  collection    = local.reconcile_collection
  index_name    = local.index_name
  mark_index    = module.view[""].mark_index
  failure_queue = { arn = aws_sqs_queue.failures.arn, kms_key_arn = var.failure_queue.kms_key_arn }

  sync_function_name      = local.function_name
  batching_window_seconds = var.trigger.maximum_batching_window_seconds
  function                = merge(local.reconcile_function, { environment = local.reconcile_environment })
  log_group               = { retention_days = var.log_group.retention_days, kms_key_arn = var.log_group.kms_key_arn }
  role                    = { path = var.role.path, permissions_boundary_arn = var.role.permissions_boundary_arn }
  settings                = var.reconciliation
}

# Once more for each further view: a verdict of its own, which no other view's run ends.
module "view_reconciliation" {
  source   = "./modules/reconciliation"
  for_each = var.views

  name   = "${local.function_name}-${each.key}-reconcile"
  prefix = "${var.name}-${each.key}"
  tags   = var.tags

  table         = { arn = local.table_arn, kms_key_arn = local.table_kms_key_arn }
  collection    = local.reconcile_collection
  index_name    = local.index_names[each.key]
  mark_index    = module.view[each.key].mark_index
  failure_queue = { arn = aws_sqs_queue.failures.arn, kms_key_arn = var.failure_queue.kms_key_arn }

  sync_function_name      = local.function_name
  batching_window_seconds = var.trigger.maximum_batching_window_seconds
  function                = merge(local.reconcile_function, { environment = local.view_environments[each.key] })
  log_group               = { retention_days = var.log_group.retention_days, kms_key_arn = var.log_group.kms_key_arn }
  role                    = { path = var.role.path, permissions_boundary_arn = var.role.permissions_boundary_arn }
  settings                = var.reconciliation
}
