# modules/nextgen_collection: what its variables take. Its resources need provider 6, so its variables alone are
# copied to a module of their own (test_terraform.py), which needs none.

variables {
  name    = "shop"
  network = "public"
}

run "takes_defaults_and_sleeps_by_them" {
  command = plan
  module {
    source = "./tests/terraform/nextgen_variables"
  }

  assert {
    condition     = [var.capacity_limits.min_indexing_ocu, var.capacity_limits.min_search_ocu] == [0, 0] && var.group_name == null
    error_message = "A minimum over 0 is paid for at rest."
  }
}

run "takes_a_minimum_that_keeps_search_awake" {
  command = plan
  module {
    source = "./tests/terraform/nextgen_variables"
  }

  variables {
    capacity_limits = { min_search_ocu = 2, max_search_ocu = 2 }
  }
  assert {
    condition     = [var.capacity_limits.min_search_ocu, var.capacity_limits.max_indexing_ocu] == [2, 8]
    error_message = "What is not given keeps its default."
  }
}
