# What the module plans with the longest and the shortest names, with every option on, and in every example. The values are
# held against AWS's own limits by test_terraform.py beside this.

mock_provider "aws" {
  source = "./tests/terraform/mocks"

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::bucket" }
  }

  # With the key from the first run on: the runs share a state, and a collection has one key for good.
  override_resource {
    target = module.collection[0].aws_opensearchserverless_collection.this
    values = {
      id                  = "c0ffee"
      arn                 = "arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee"
      collection_endpoint = "https://c0ffee.eu-central-1.aoss.amazonaws.com"
      dashboard_endpoint  = "https://c0ffee.eu-central-1.aoss.amazonaws.com/_dashboards"
      kms_key_arn         = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-2e7d2c03a9507ae265ecf5b5356885a5"
    }
  }
}

variables {
  name    = "searchsync"
  package = { file = "tests/terraform/packages/good.zip" }
}

run "shortest" {
  variables {
    name       = "abc"
    table      = { name = "searchsync", hash_key = { name = "k" } }
    collection = { name = "abc", network = "public", kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-2e7d2c03a9507ae265ecf5b5356885a5" }
    function   = { name = "f", metric_namespace = "m" }
    log_group  = { name = "l" }
    role       = { name = "r" }
    index      = { name = "i" }
    dashboard  = { enabled = true, name = "d" }
  }
}

run "longest_of_views" {
  variables {
    name       = "abcdefghijklmnopqrstuvwx"
    table      = { name = substr(join("", [for number in range(2) : sha512("t${number}")]), 0, 239), hash_key = { name = "k" } }
    collection = { name = "abcdefghijklmnopqrstuvwxyz012345", network = "public", kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-2e7d2c03a9507ae265ecf5b5356885a5" }
    function   = { name = "abcdefghijklmnopqrstuvwxyz01234" }
    alarms     = { name_prefix = join("", [sha512("v"), substr(sha512("w"), 0, 72)]) }
    dashboard  = { enabled = true, name = "v" }
    reconciliation = {
      verify_schedule_expression = "rate(1 day)"
      rolling                    = {}
    }
    views = merge({ for number in range(8) : "v${number}" => {} }, { abcdefghijklmno = { index = { adopt = "nobody" }, document = { exclude = ["a"] } } })
  }
}

run "longest" {
  variables {
    name = "abcdefghijklmnopqrstuvwx"
    tags = { for number in range(50) : "${substr(sha512("k${number}"), 0, 126)}${format("%02d", number)}" => join("", [sha512("a"), sha512("b")]) }
    table = {
      name                   = substr(join("", [for number in range(2) : sha512("t${number}")]), 0, 255)
      hash_key               = { name = join("", [sha512("h"), substr(sha512("i"), 0, 127)]), type = "S" }
      range_key              = { name = substr(sha512("r"), 0, 100), type = "N" }
      billing_mode           = "PROVISIONED"
      read_capacity          = 40000
      write_capacity         = 40000
      stream_view_type       = "NEW_AND_OLD_IMAGES"
      point_in_time_recovery = true
      deletion_protection    = true
      ttl                    = { attribute = substr(join("", [sha512("ttl"), sha512("l")]), 0, 255) }
      kms_key_arn            = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("k"), 0, 32)}"
    }
    collection = {
      name                   = "abcdefghijklmnopqrstuvwxyz012345"
      description            = substr(join("", [for number in range(8) : sha512("d${number}")]), 0, 1000)
      standby_replicas       = true
      kms_key_arn            = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("c"), 0, 32)}"
      network                = "vpc"
      vpc_endpoint_ids       = [for number in range(5) : "vpce-${substr(sha256("v${number}"), 0, 17)}"]
      data_access_principals = [for number in range(10) : "arn:aws-us-gov:iam::111122223333:role/${substr(sha512("p${number}"), 0, 64)}"]
    }
    index = {
      name     = substr(join("", [for number in range(2) : sha512("x${number}")]), 0, 255)
      adopt    = "nobody"
      settings = jsonencode({ analysis = { analyzer = { plain = { type = "standard" } } } })
      mapping  = jsonencode({ properties = { (substr(sha512("m"), 0, 100)) = { type = "keyword" } } })
    }
    function = {
      name                    = "abcdefghijklmnopqrstuvwxyz0123456789_-ABCDEFGHI"
      memory_size             = 10240
      timeout                 = 900
      max_clock_skew_seconds  = 300
      metric_namespace        = substr(join("", [for number in range(2) : sha512("n${number}")]), 0, 255)
      reserved_concurrency    = 1000
      environment_kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("e"), 0, 32)}"
      vpc = {
        subnet_ids         = [for number in range(16) : "subnet-${substr(sha256("s${number}"), 0, 17)}"]
        security_group_ids = [for number in range(5) : "sg-${substr(sha256("g${number}"), 0, 17)}"]
      }
    }
    log_group = {
      name           = substr(join("", [for number in range(5) : sha512("o${number}")]), 0, 512)
      retention_days = 3653
      kms_key_arn    = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("l"), 0, 32)}"
    }
    trigger = {
      batch_size                      = 10000
      maximum_batching_window_seconds = 300
      parallelization_factor          = 10
      maximum_record_age_seconds      = 604800
      maximum_retry_attempts          = 10000
    }
    failure_queue = {
      name        = substr(sha512("q"), 0, 80)
      kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("q"), 0, 32)}"
    }
    redrive = { schedule_expression = "rate(1 day)" }
    role = {
      name                     = substr(sha512("role"), 0, 64)
      path                     = "/${join("/", [for number in range(3) : sha512("p${number}")])}/"
      permissions_boundary_arn = "arn:aws-us-gov:iam::111122223333:policy/${substr(sha512("b"), 0, 128)}"
      policy_names             = { for key in ["stream", "collection", "table", "failures", "function"] : key => "${substr(sha512(key), 0, 120)}${substr(sha256(key), 0, 8)}" }
    }
    alarms = {
      name_prefix          = substr(join("", [for number in range(2) : sha512("a${number}")]), 0, 200)
      actions              = [for number in range(5) : "arn:aws-us-gov:sns:us-gov-east-1:111122223333:${substr(join("", [for part in range(8) : sha512("t${number}${part}")]), 0, 970)}"]
      failure_age_seconds  = 42600
      iterator_age_seconds = 86400
    }
    dashboard = { enabled = true, name = substr(join("", [for number in range(2) : sha512("d${number}")]), 0, 255) }
    reconciliation = {
      concurrency                = 100
      read_units_per_second      = 1000000
      recheck_delay_seconds      = 120
      memory_size                = 10240
      report_bucket              = { arn = "arn:aws-us-gov:s3:::${substr(sha512("r"), 0, 63)}", kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("r"), 0, 32)}" }
      export_bucket              = { arn = "arn:aws-us-gov:s3:::${substr(sha512("x"), 0, 63)}", kms_key_arn = "arn:aws-us-gov:kms:us-gov-east-1:111122223333:key/mrk-${substr(sha256("x"), 0, 32)}" }
      verify_schedule_expression = "rate(1 day)"
      rolling                    = { period_hours = 2160, every_minutes = 1440, read_units_per_second = 1000000 }
    }
  }
}

run "example_workshop" {
  module {
    source = "./examples/workshop"
  }
}

run "example_existing_table" {
  module {
    source = "./examples/existing-table"
  }
}
