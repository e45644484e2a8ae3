# modules/collection_policies: what makes a collection reachable, and by whom. Both kinds of collection have them.

mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  collection_name = "shop"
  network         = "public"
  description     = "Documents"
}

run "encryption_uses_a_key_of_aws" {
  command = plan
  module {
    source = "./modules/collection_policies"
  }

  assert {
    condition = jsondecode(aws_opensearchserverless_security_policy.encryption.policy) == {
      AWSOwnedKey = true
      Rules       = [{ Resource = ["collection/shop"], ResourceType = "collection" }]
    }
    error_message = "The encryption policy must cover the collection: ${aws_opensearchserverless_security_policy.encryption.policy}"
  }
}

run "policies_are_named_like_the_collection_and_described" {
  command = plan
  module {
    source = "./modules/collection_policies"
  }

  assert {
    condition     = [for policy in [aws_opensearchserverless_security_policy.encryption, aws_opensearchserverless_security_policy.network] : [policy.name, policy.description]] == [["shop", "Documents"], ["shop", "Documents"]]
    error_message = "Policies must be named like the collection, and described."
  }
}

run "network_is_public_for_collection_and_dashboard" {
  command = plan
  module {
    source = "./modules/collection_policies"
  }

  assert {
    condition = jsondecode(aws_opensearchserverless_security_policy.network.policy) == [{
      AllowFromPublic = true
      Rules = [
        { Resource = ["collection/shop"], ResourceType = "collection" },
        { Resource = ["collection/shop"], ResourceType = "dashboard" },
      ]
    }]
    error_message = "The network policy must cover collection and dashboard: ${aws_opensearchserverless_security_policy.network.policy}"
  }
}

run "nobody_reads_who_is_not_named" {
  command = plan
  module {
    source = "./modules/collection_policies"
  }

  assert {
    condition     = length(aws_opensearchserverless_access_policy.readers) == 0 && output.data_access_policy_name == null
    error_message = "No principal must be taken from the caller."
  }
}

run "own_key_private_network_and_readers" {
  command = plan
  module {
    source = "./modules/collection_policies"
  }
  variables {
    kms_key_arn             = "arn:aws:kms:eu-central-1:111122223333:key/collection"
    network                 = "vpc"
    vpc_endpoint_ids        = ["vpce-2", "vpce-1"]
    data_access_principals  = ["arn:aws:iam::111122223333:user/b", "arn:aws:iam::111122223333:role/a"]
    encryption_policy_name  = "key"
    network_policy_name     = "net"
    data_access_policy_name = "readers"
  }

  assert {
    condition = jsondecode(aws_opensearchserverless_security_policy.encryption.policy) == {
      AWSOwnedKey = false
      KmsARN      = "arn:aws:kms:eu-central-1:111122223333:key/collection"
      Rules       = [{ Resource = ["collection/shop"], ResourceType = "collection" }]
    }
    error_message = "The encryption policy must name the key: ${aws_opensearchserverless_security_policy.encryption.policy}"
  }
  assert {
    condition = jsondecode(aws_opensearchserverless_security_policy.network.policy) == [{
      AllowFromPublic = false
      Rules = [
        { Resource = ["collection/shop"], ResourceType = "collection" },
        { Resource = ["collection/shop"], ResourceType = "dashboard" },
      ]
      SourceVPCEs = ["vpce-1", "vpce-2"]
    }]
    error_message = "The network policy must admit the endpoints alone: ${aws_opensearchserverless_security_policy.network.policy}"
  }
  assert {
    condition = jsondecode(aws_opensearchserverless_access_policy.readers[0].policy) == [{
      Principal = ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::111122223333:user/b"]
      Rules = [
        { Permission = ["aoss:DescribeCollectionItems"], Resource = ["collection/shop"], ResourceType = "collection" },
        { Permission = ["aoss:DescribeIndex", "aoss:ReadDocument"], Resource = ["index/shop/*"], ResourceType = "index" },
      ]
    }]
    error_message = "Readers must read and do nothing else: ${aws_opensearchserverless_access_policy.readers[0].policy}"
  }
  assert {
    condition     = [output.encryption_policy_name, output.network_policy_name, output.data_access_policy_name] == ["key", "net", "readers"]
    error_message = "Given names and settings must be taken."
  }
}
