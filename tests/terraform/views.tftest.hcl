# Further indexes of one table.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name       = "searchsync"
  table      = { name = "searchsync", hash_key = { name = "id" } }
  collection = { name = "searchsync", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "without_views_nothing_of_them_is_there" {
  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "VIEWS") && output.views == {}
    error_message = "Without views no variable."
  }
  assert {
    condition     = jsondecode(aws_opensearchserverless_access_policy.function[0].policy)[0].Rules == [{ Permission = ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"], Resource = ["index/searchsync/searchsync"], ResourceType = "index" }]
    error_message = "The policy must name the first view's index alone."
  }
}

run "each_view_has_its_index_and_its_reconciliation" {
  variables {
    index    = { mapping = jsonencode({ dynamic = false }), settings = jsonencode({ analysis = {} }), adopt = "nobody" }
    document = { exclude = ["a"] }
    views = {
      products = {
        index    = { name = "goods", mapping = jsonencode({ properties = { a = { type = "keyword" } } }), adopt = "nobody" }
        document = { when = jsonencode({ kind = ["product"] }), constants = jsonencode({ tenant = "eu", rank = 1.5, live = true }) }
      }
      orders = { document = { constants = jsonencode({ rank = "x" }) } }
      plain  = {}
    }
    reconciliation = { rolling = {}, verify_schedule_expression = "rate(1 day)" }
  }
  assert {
    condition = aws_lambda_function.this.environment[0].variables.VIEWS == base64gzip(jsonencode({
      orders   = { index = "searchsync-orders", document = { when = null, include = null, exclude = [], rename = {}, constants = { rank = "x" }, keep_expired = null } }
      plain    = { index = "searchsync-plain" }
      products = { index = "goods", adopt = "nobody", mapping = var.views.products.index.mapping, document = { when = var.views.products.document.when, include = null, exclude = [], rename = {}, constants = { live = true, rank = 1.5, tenant = "eu" }, keep_expired = null } }
    })) && aws_lambda_function.redrive.environment[0].variables.VIEWS == aws_lambda_function.this.environment[0].variables.VIEWS
    error_message = "The sync function and the redrive function must know all views."
  }
  assert {
    condition = output.views == { for name, index in { orders = "searchsync-orders", plain = "searchsync-plain", products = "goods" } : name => {
      index_name                       = index
      reconciliation_function_name     = "searchsync-${name}-reconcile"
      reconciliation_state_machine_arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:searchsync-reconcile"
      reconciliation_log_group_name    = "/aws/lambda/searchsync-${name}-reconcile"
      reconciliation_role_arn          = "arn:aws:iam::111122223333:role/created"
    } }
    error_message = "Each view must have a reconciliation by its name: ${jsonencode(output.views)}"
  }
  assert {
    condition = [for rule in jsondecode(aws_opensearchserverless_access_policy.function[0].policy)[0].Rules : [rule.Resource[0], contains(rule.Permission, "aoss:UpdateIndex")]] == [
      ["index/searchsync/searchsync", true], ["index/searchsync/searchsync-orders", false], ["index/searchsync/searchsync-plain", false], ["index/searchsync/goods", true],
    ]
    error_message = "The function may write every view's index, and mark those that it takes over: ${aws_opensearchserverless_access_policy.function[0].policy}"
  }
  assert {
    condition     = local.view_environments.products == { for name, value in merge(aws_lambda_function.this.environment[0].variables, { VIEW = "products", OPENSEARCH_INDEX = "goods", INDEX_MAPPING = base64gzip(var.views.products.index.mapping), DOCUMENT_SHAPE = local.view_environments.products.DOCUMENT_SHAPE }) : name => value if !contains(["INDEX_SETTINGS", "VIEWS"], name) }
    error_message = "A view's reconcile function knows its own view alone: ${jsonencode(local.view_environments.products)}"
  }
  assert {
    condition     = setsubtract(keys(aws_lambda_function.this.environment[0].variables), keys(local.view_environments.plain)) == toset(["DOCUMENT_SHAPE", "INDEX_ADOPT", "INDEX_MAPPING", "INDEX_SETTINGS", "VIEWS"])
    error_message = "What a view is not given it has by default, not as the first: ${jsonencode(local.view_environments.plain)}"
  }
  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.metric_name, alarm.dimensions] if alarm.metric_name != null && endswith(key, "-plain") } == {
      drift-plain                 = ["Differences", tomap({ FunctionName = "searchsync-plain-reconcile" })]
      redrive-repair-needed-plain = ["RepairNeeded", tomap({ FunctionName = "searchsync-redrive", View = "plain" })]
      repair-needed-plain         = ["RepairNeeded", tomap({ FunctionName = "searchsync", View = "plain" })]
      rolling-late-plain          = ["RollingAge", tomap({ FunctionName = "searchsync-plain-reconcile" })]
    }
    error_message = "Each view must have alarms of its own."
  }
  assert {
    condition = jsonencode({ for query in aws_cloudwatch_metric_alarm.this["reconciliation-failed-plain"].metric_query : query.id => query.metric[*].dimensions }) == jsonencode({
      failed    = [{ StateMachineArn = output.views.plain.reconciliation_state_machine_arn }]
      state     = []
      succeeded = [{ FunctionName = "searchsync-plain-reconcile" }]
    })
    error_message = "A failed run is its view's."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 10 + 3 * 5 && strcontains(aws_cloudwatch_metric_alarm.this["rolling-late-plain"].alarm_description, "View plain: ") && strcontains(aws_cloudwatch_metric_alarm.this["rolling-late-plain"].alarm_description, "log of searchsync-plain-reconcile.")
    error_message = "A view's alarm says whose it is."
  }
}

run "a_view_without_a_rolling_verification_has_no_alarm_of_it" {
  command = plan

  variables {
    views = { plain = {} }
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 9 + 4
    error_message = "Nothing is late that is not there."
  }
}

run "refuses_two_views_with_one_index" {
  command = plan

  variables {
    views = { products = { index = { name = "goods" } }, goods = { index = { name = "goods" } } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_view_with_the_first_ones_index" {
  command = plan

  variables {
    views = { products = { index = { name = "searchsync" } } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_an_index_where_the_doctor_tries_what_another_may_do" {
  command = plan

  variables {
    views = { doctor = {} }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_name_by_default_that_is_too_long_for_an_index" {
  command = plan

  variables {
    index = { name = join("", [for number in range(25) : "0123456789"]) }
    views = { products = {} }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_view_without_the_key" {
  command = plan

  variables {
    views = { products = { document = { rename = { id = "key" } } } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "refuses_a_name_of_a_view_that_is_taken" {
  command = plan

  variables {
    views = { products = { document = { rename = { a = "c" }, constants = jsonencode({ c = 1 }) } } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "names_the_view_and_the_attribute_together_with_the_key" {
  command = plan
  module {
    source = "./modules/view"
  }

  variables {
    label          = "views[\"products\"]."
    key_attributes = ["id"]
    document       = { exclude = ["id"], rename = { a = "c", b = "c" } }
  }
  assert {
    condition     = length(output.faults) == 2 && startswith(output.faults[0], "views[\"products\"].document.exclude or views[\"products\"].document.rename has [\"id\"]: ") && startswith(output.faults[1], "views[\"products\"].document.rename or views[\"products\"].document.constants gives the names [\"c\"], ")
    error_message = "Each fault must name its view: ${jsonencode(output.faults)}"
  }
}

run "refuses_an_environment_that_the_views_make_too_large" {
  command = plan

  variables {
    views = { for number in range(9) : "v${number}" => { index = { mapping = jsonencode({ _meta = [for part in range(8) : sha256("${number} ${part}")] }) } } }
  }
  expect_failures = [aws_lambda_function.this]
}

run "takes_nine_views_that_are_alike" {
  command = plan

  variables {
    views = { for number in range(9) : "view-${number}" => {
      index    = { mapping = jsonencode({ dynamic = false, properties = { for field in range(20) : "field_${field}" => { type = "keyword" } } }) }
      document = { when = jsonencode({ kind = ["kind ${number}"] }), include = ["name", "price", "kind"] }
    } }
  }
  assert {
    condition     = length(aws_lambda_function.this.environment[0].variables.VIEWS) < 1500 && length(output.views) == 9
    error_message = "What is alike is compressed together: ${length(aws_lambda_function.this.environment[0].variables.VIEWS)}"
  }
}
