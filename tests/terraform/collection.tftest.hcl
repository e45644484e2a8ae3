# modules/collection as a stack takes it alone.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  name    = "shop"
  network = "public"
}

run "collection_is_of_type_search_and_described" {
  command = plan
  module {
    source = "./modules/collection"
  }

  assert {
    condition     = aws_opensearchserverless_collection.this.type == "SEARCH" && aws_opensearchserverless_collection.this.standby_replicas == "ENABLED" && aws_opensearchserverless_collection.this.name == "shop"
    error_message = "Only the type SEARCH takes a caller's document id."
  }
  assert {
    condition     = length(aws_opensearchserverless_collection.this.description) > 0
    error_message = "The collection must be described."
  }
  assert {
    condition     = [output.encryption_policy_name, output.network_policy_name] == ["shop", "shop"] && output.data_access_policy_name == null
    error_message = "Policies must be named like the collection."
  }
}

run "given_settings_reach_collection_and_policies" {
  command = plan
  module {
    source = "./modules/collection"
  }
  variables {
    kms_key_arn             = "arn:aws:kms:eu-central-1:111122223333:key/collection"
    network                 = "vpc"
    vpc_endpoint_ids        = ["vpce-1"]
    standby_replicas        = false
    data_access_principals  = ["arn:aws:iam::111122223333:role/a"]
    encryption_policy_name  = "key"
    network_policy_name     = "net"
    data_access_policy_name = "readers"
  }

  assert {
    condition     = aws_opensearchserverless_collection.this.standby_replicas == "DISABLED"
    error_message = "Standby replicas must be left out."
  }
  assert {
    condition     = [output.encryption_policy_name, output.network_policy_name, output.data_access_policy_name] == ["key", "net", "readers"]
    error_message = "Given names must be taken."
  }
}

run "outputs_name_the_collection" {
  module {
    source = "./modules/collection"
  }

  assert {
    condition     = [output.id, output.arn, output.name, output.endpoint, output.dashboard_endpoint] == ["c0ffee", "arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee", "shop", "https://c0ffee.eu-central-1.aoss.amazonaws.com", "https://c0ffee.eu-central-1.aoss.amazonaws.com/_dashboards"]
    error_message = "The outputs must name what was created."
  }
}

run "refuses_a_key_given_to_a_collection_that_has_another" {
  command = plan

  module {
    source = "./modules/collection"
  }
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000"
  }
  expect_failures = [aws_opensearchserverless_collection.this]
}
