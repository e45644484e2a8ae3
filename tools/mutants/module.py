"""Mutants of the Terraform module, its permissions and limits."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "a state's name in three Maps of the state machine",
        "modules/reconciliation/state_machine.tf",
        """          "${map}Totals" = {""",
        """          Totals = {""",
        ("tests/terraform/test_terraform.py", "-k", "step_functions_takes_each_rendered_state_machine"),
    ),
    Mutant(
        "one IAM permission removed",
        "iam.tf",
        'Action   = ["dynamodb:BatchGetItem"]',
        "Action   = []",
        ("tests/terraform", "-k", "policies"),
    ),
    Mutant(
        "the bisect setting removed",
        "main.tf",
        "  bisect_batch_on_function_error     = var.trigger.bisect_batch_on_function_error\n",
        "",
        ("tests/terraform", "-k", "settings"),
    ),
    Mutant(
        "the redrive's environment under another key than the sync's",
        "redrive.tf",
        "  kms_key_arn                    = var.function.environment_kms_key_arn\n",
        "",
        ("tests/unit/test_functions_alike.py",),
    ),
    Mutant(
        "the sync function traced alone",
        "main.tf",
        """  environment {
    variables = local.function_environment
  }
""",
        """  environment {
    variables = local.function_environment
  }
  tracing_config {
    mode = "Active"
  }
""",
        ("tests/unit/test_functions_alike.py",),
    ),
    Mutant(
        "the reconcile function outside the VPC",
        "reconciliation.tf",
        "    vpc                     = var.function.vpc\n",
        "    vpc                     = null\n",
        ("tests/unit/test_functions_alike.py",),
    ),
    Mutant(
        "the redrive may not delete messages",
        "iam.tf",
        '"sqs:DeleteMessage", ',
        "",
        ("tests/terraform", "-k", "policies"),
    ),
    Mutant(
        "a NextGen collection's name refused",
        "variables.tf",
        """can(regex("^[a-z][a-z0-9_-]{2,63}$", var.existing_collection.name))""",
        """can(regex("^[a-z][a-z0-9-]{2,31}$", var.existing_collection.name))""",
        ("tests/terraform", "-k", "nextgen_collection_is_taken"),
    ),
    Mutant(
        "the endpoint of a whole account taken",
        "variables.tf",
        """!can(regex("^https://[0-9]{12}[.]aoss[.-]", var.existing_collection.endpoint))""",
        "true",
        ("tests/terraform/test_settings.py", "-k", "wrong_value_is_refused"),
    ),
    Mutant(
        "an argument that provider 6 does not have",
        "modules/nextgen_collection/main.tf",
        "  collection_group_name = aws",
        "  collection_group      = aws",
        ("tests/unit/test_nextgen_module.py", "-k", "gives_what_provider_6_takes"),
    ),
    Mutant(
        "a NextGen group without its replicas",
        "modules/nextgen_collection/main.tf",
        """generation       = "NEXTGEN"
  standby_replicas = "ENABLED\"""",
        """generation       = "NEXTGEN"
  standby_replicas = "DISABLED\"""",
        ("tests/unit/test_nextgen_module.py", "-k", "replicas_that_it_must_have"),
    ),
    Mutant(
        "an alarm that a waking collection raises",
        "variables.tf",
        "var.alarms.iterator_age_seconds >= 120 +",
        "var.alarms.iterator_age_seconds >= 60 +",
        ("tests/unit/test_waking_alarms.py", "-k", "first_record_wakes_the_collection_and_no_alarm"),
    ),
    Mutant(
        "an action of the run in no row of its endpoints",
        "tools/permission_list.py",
        """_of("dynamodb", "BatchGetItem", "DescribeTable", "Scan")""",
        """_of("dynamodb", "BatchGetItem", "DescribeTable")""",
        ("tests/lab/test_callers.py", "-k", "each_function_calls"),
    ),
    Mutant(
        "F43 a table that keeps the key that was taken away",
        "main.tf",
        """  server_side_encryption {
    enabled     = var.table.kms_key_arn != null
    kms_key_arn = var.table.kms_key_arn
  }
""",
        """  dynamic "server_side_encryption" {
    for_each = var.table.kms_key_arn == null ? [] : [var.table.kms_key_arn]
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
""",
        ("tests/lab/test_unset.py", "-k", "as_if_it_never_was"),
    ),
    Mutant(
        "a setting that nobody takes away again",
        "tests/support/unsetting.py",
        """    "table.name": "has no default",
""",
        "",
        ("tests/lab/test_unset.py", "-k", "seen_or_has_a_reason"),
    ),
    Mutant(
        "a permission of the function that nothing needs",
        "iam.tf",
        '"sqs:DeleteMessage", ',
        '"sqs:DeleteMessage", "sqs:PurgeQueue", ',
        ("tests/lab/test_callers.py", "-k", "needed_all_that_it_may"),
    ),
    Mutant(
        "a deployer who may not validate the state machine's definition",
        "tools/permission_list.py",
        """_of("states", "ValidateStateMachineDefinition")""",
        """_of("states", "ListStateMachines")""",
        ("tests/lab/test_callers.py", "-k", "the_deployer_needs"),
    ),
    Mutant(
        "a deployer's action on everything that AWS narrows",
        "tools/permission_list.py",
        """        QUEUE,
    ),""",
        """        ANYWHERE,
    ),""",
        ("tests/unit/test_permission_list.py", "-k", "narrowest_resource"),
    ),
    Mutant(
        "a consumer's mocks without the log group's ARN",
        "tests/terraform/mocks/aws.tfmock.hcl",
        """  defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync" }
""",
        "  defaults = {}\n",
        ("tests/terraform/test_consumer.py", "-k", "as_the_page_says"),
    ),
    Mutant(
        "a table's capacities given to one another",
        "main.tf",
        "= var.table.read_capacity",
        "= var.table.write_capacity",
        ("tests/terraform/test_settings.py", "-k", "reaches_its_argument"),
    ),
    Mutant(
        "a bucket's key that no role may use",
        "modules/reconciliation/iam.tf",
        "[for arn in [try(var.settings.report_bucket.kms_key_arn, null)]",
        "[for arn in [try(var.settings.export_bucket.kms_key_arn, null)]",
        ("tests/terraform/test_settings.py", "-k", "reaches_its_argument"),
    ),
    Mutant(
        "tags that IAM would refuse",
        "variables.tf",
        """&& !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])""",
        "",
        ("tests/terraform/test_settings.py", "-k", "wrong_value_is_refused"),
    ),
    Mutant(
        "F11 a description as long as the table's name makes it",
        "main.tf",
        """to the index ${local.index_name}${local.and_others}", 0, 256)""",
        """to the index ${local.index_name}${local.and_others}", 0, 2560)""",
        ("tests/terraform/test_terraform.py", "-k", "no_planned_value_passes_a_limit"),
    ),
    Mutant(
        "F11 a name too long for the rule of its schedule",
        "variables.tf",
        "^[A-Za-z0-9_-]{1,47}$",
        "^[A-Za-z0-9_-]{1,54}$",
        ("tests/terraform/test_settings.py", "-k", "wrong_value_is_refused"),
    ),
    Mutant(
        "F11 an environment of any size",
        "main.tf",
        "local.environment_bytes <= 4096",
        "local.environment_bytes > 0",
        ("tests/terraform/test_terraform.py", "-k", "refuses_an_environment_over"),
    ),
    Mutant(
        "F11 an argument in no row of the limits",
        "redrive.tf",
        """  description   = "Takes up""",
        """  publish       = true
  description   = "Takes up""",
        ("tests/terraform/test_terraform.py", "-k", "has_its_limits_row"),
    ),
    Mutant(
        "F11 a row's limit not applied",
        "tests/support/limits.py",
        """    if not isinstance(value, bool) and not limits.get("min", size)""",
        """    if False and not limits.get("min", size)""",
        ("tests/terraform/test_terraform.py", "-k", "what_passes_a_limit_is_named"),
    ),
    Mutant(
        "F11 an action that AWS does not know",
        "iam.tf",
        """["dynamodb:BatchGetItem"]""",
        """["dynamodb:BatchGetItems"]""",
        ("tests/unit/test_permission_list.py", "-k", "every_action"),
    ),
    Mutant(
        "F11 a data access permission on the wrong kind of resource",
        "tests/support/actions.py",
        """ and name.endswith("CollectionItems") == (resource_type == "collection")""",
        "",
        ("tests/unit/test_policies.py",),
    ),
    Mutant(
        "F11 an environment counted by characters",
        "main.tf",
        'floor(length(trim(base64encode(named), "=")) * 3 / 4)',
        "length(named)",
        ("tests/terraform/test_terraform.py", "-k", "over_4_kb_by_its_bytes"),
    ),
    Mutant(
        "F48 a stream of another region taken",
        "main.tf",
        """split(":", var.existing_table.stream_arn)[3] == split(":", self.arn)[3]""",
        "true",
        ("tests/terraform", "-k", "refuses_a_stream_of_another_region"),
    ),
    Mutant(
        "F48 every role of the function's account admitted to the table",
        "modules/table_policies/main.tf",
        """      Condition = { ArnEquals = { "aws:PrincipalArn" = try(one(local.roles[who]), local.roles[who]) } }\n""",
        "",
        ("tests/terraform", "-k", "the_owner_is_given_a_policy"),
    ),
    Mutant(
        "F48 the alarm of a table in another account watches one of this account",
        "alarms.tf",
        """local.cross_account ? ["stream-unread"] : []""",
        "[]",
        ("tests/terraform", "-k", "metrics_of_a_table_of_this_account"),
    ),
    *(
        Mutant(f"views: {name}", file, old, new, ("tests/terraform/test_terraform.py", "-k", run))
        for name, file, old, new, run in (
            (
                "an alarm of one view that the first one's runs end",
                "alarms.tf",
                "= merge(metric[2], { View = view })",
                "= metric[2]",
                "each_view_has_its_index",
            ),
            (
                "a reconcile function with the first view's shape",
                "reconciliation.tf",
                '["DOCUMENT_SHAPE", "INDEX_ADOPT",',
                '["INDEX_ADOPT",',
                "each_view_has_its_index",
            ),
            (
                "a reconcile function that waits for every view's index",
                "reconciliation.tf",
                ' if name != "VIEWS" }',
                " }",
                "each_view_has_its_index",
            ),
            (
                "numbers that become texts",
                "main.tf",
                "try(jsondecode(view.document.constants), view.document.constants)",
                "try(tomap(jsondecode(view.document.constants)), view.document.constants)",
                "each_view_has_its_index",
            ),
            (
                "two views write one index",
                "main.tf",
                " || probe == local.probe_indexes[name])",
                ")",
                "refuses_two_views_with_one_index",
            ),
            (
                "an index that the doctor would delete",
                "main.tf",
                "(probe == index || ",
                "(",
                "refuses_an_index_where_the_doctor",
            ),
            (
                "an environment without the views' bytes",
                "main.tf",
                'coalesce(local.further_views, "-"),',
                '"-",',
                "refuses_an_environment_that_the_views",
            ),
        )
    ),
)
