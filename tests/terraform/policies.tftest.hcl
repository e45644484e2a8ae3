# Least privilege: each policy compared whole. Applied to the mocked provider, where ARNs are known.

mock_provider "aws" {
  source = "./tests/terraform/mocks"

  override_resource {
    target = aws_cloudwatch_log_group.redrive
    values = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync-redrive" }
  }
  override_resource {
    target = aws_lambda_function.redrive
    values = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:searchsync-redrive" }
  }
  override_resource {
    target = aws_cloudwatch_event_rule.redrive
    values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/searchsync-redrive" }
  }
}

variables {
  name       = "searchsync"
  table      = { name = "lab-table", hash_key = { name = "id" } }
  collection = { name = "lab-collection", network = "public" }
  package    = { file = "tests/terraform/packages/good.zip" }
}

run "role_may_do_what_the_pipeline_does_and_nothing_else" {
  assert {
    condition = jsondecode(aws_iam_role.this[0].assume_role_policy) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
    }
    error_message = "Lambda alone must be able to assume the role."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.stream.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Effect   = "Allow"
          Action   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
          Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table/stream/2025-01-01T00:00:00.000"]
        },
        { Effect = "Allow", Action = ["dynamodb:ListStreams"], Resource = ["*"] },
      ]
    }
    error_message = "The stream policy must read this stream, and list streams: ${aws_iam_role_policy.stream.policy}"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.collection.policy) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["aoss:APIAccessAll"], Resource = ["arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee"] }]
    }
    error_message = "The collection policy must reach this collection: ${aws_iam_role_policy.collection.policy}"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.table.policy) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["dynamodb:BatchGetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table"] }]
    }
    error_message = "The table policy must read items of this table: ${aws_iam_role_policy.table.policy}"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.failures.policy) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:searchsync-failures"] }]
    }
    error_message = "The failures policy must send to this queue and take up its messages: ${aws_iam_role_policy.failures.policy}"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.function.policy) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync:*", "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync-redrive:*"] }]
    }
    error_message = "The function policy must write the functions' own log groups: ${aws_iam_role_policy.function.policy}"
  }
}

run "function_may_use_its_index_and_nothing_else" {
  assert {
    condition = jsondecode(aws_opensearchserverless_access_policy.function[0].policy) == [{
      Principal = ["arn:aws:iam::111122223333:role/created"]
      Rules = [{
        Permission   = ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"]
        Resource     = ["index/lab-collection/lab-table"]
        ResourceType = "index"
      }]
    }]
    error_message = "The data access policy must name the function's four permissions on its index: ${aws_opensearchserverless_access_policy.function[0].policy}"
  }
}

run "failure_queue_refuses_plain_http" {
  assert {
    condition = jsondecode(aws_sqs_queue.failures.policy) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:eu-central-1:111122223333:searchsync-failures"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }]
    }
    error_message = "The queue policy must deny what comes without TLS: ${aws_sqs_queue.failures.policy}"
  }
}

run "dropped_records_go_to_the_failure_queue" {
  assert {
    condition     = aws_lambda_event_source_mapping.this.destination_config[0].on_failure[0].destination_arn == "arn:aws:sqs:eu-central-1:111122223333:searchsync-failures"
    error_message = "The on-failure destination must be the failure queue."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.this.event_source_arn == "arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table/stream/2025-01-01T00:00:00.000" && aws_lambda_event_source_mapping.this.function_name == "arn:aws:lambda:eu-central-1:111122223333:function:searchsync"
    error_message = "The trigger must join the stream and the function."
  }
}

run "function_environment_is_whole" {
  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      OPENSEARCH_HOST        = "https://c0ffee.eu-central-1.aoss.amazonaws.com"
      OPENSEARCH_INDEX       = "lab-table"
      STREAM_ARN             = "arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table/stream/2025-01-01T00:00:00.000"
      KEY_ATTRIBUTES         = "[\"id\"]"
      FAILURE_QUEUE_URL      = "https://sqs.eu-central-1.amazonaws.com/111122223333/searchsync-failures"
      MAX_CLOCK_SKEW_SECONDS = "10"
      LOG_KEYS               = "plain"
      METRIC_NAMESPACE       = "searchsync"
      SYNC_FUNCTION_NAME     = "searchsync"
    })
    error_message = "The environment must be what the function reads: ${jsonencode(aws_lambda_function.this.environment[0].variables)}"
  }
}

run "outputs_name_what_a_neighbour_needs" {
  assert {
    condition = [output.table_arn, output.collection_id, output.collection_arn, output.collection_endpoint, output.dashboard_endpoint, output.role_arn, output.failure_queue_arn, output.function_arn, output.trigger_uuid] == [
      "arn:aws:dynamodb:eu-central-1:111122223333:table/lab-table",
      "c0ffee",
      "arn:aws:aoss:eu-central-1:111122223333:collection/c0ffee",
      "https://c0ffee.eu-central-1.aoss.amazonaws.com",
      "https://c0ffee.eu-central-1.aoss.amazonaws.com/_dashboards",
      "arn:aws:iam::111122223333:role/created",
      "arn:aws:sqs:eu-central-1:111122223333:searchsync-failures",
      "arn:aws:lambda:eu-central-1:111122223333:function:searchsync",
      "00000000-0000-4000-8000-000000000000",
    ]
    error_message = "The outputs must name what was created."
  }
}

run "keys_bucket_and_network_add_their_permissions" {
  variables {
    table         = { name = "lab-table", hash_key = { name = "id" }, kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/table" }
    failure_queue = { kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/queue" }
    function = {
      environment_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/environment"
      vpc                     = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    }
    trigger = { on_failure_bucket = { arn = "arn:aws:s3:::dropped", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/bucket" } }
  }
  assert {
    condition = [for policy in [aws_iam_role_policy.stream, aws_iam_role_policy.table] : jsondecode(policy.policy).Statement[length(jsondecode(policy.policy).Statement) - 1]] == [
      for policy in ["stream", "table"] : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/table"] }
    ]
    error_message = "Stream and table must be decrypted with the table's key."
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.failures.policy).Statement == [
      { Effect = "Allow", Action = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:SendMessage"], Resource = ["arn:aws:sqs:eu-central-1:111122223333:searchsync-failures"] },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/queue"] },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::dropped"] },
      { Effect = "Allow", Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::dropped/*"] },
      { Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/bucket"] },
    ]
    error_message = "Queue and bucket must be writable with their keys: ${aws_iam_role_policy.failures.policy}"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.function.policy).Statement == [
      { Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync:*", "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/searchsync-redrive:*"] },
      { Effect = "Allow", Action = ["kms:Decrypt"], Resource = ["arn:aws:kms:eu-central-1:111122223333:key/environment"] },
      {
        Effect   = "Allow"
        Action   = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"]
        Resource = ["*"]
      },
    ]
    error_message = "The environment must be decrypted and network interfaces made: ${aws_iam_role_policy.function.policy}"
  }
}

run "redrive_function_reads_the_same_environment" {
  assert {
    condition     = aws_lambda_function.redrive.environment[0].variables == aws_lambda_function.this.environment[0].variables && aws_lambda_function.redrive.role == aws_lambda_function.this.role
    error_message = "The redrive function must have the sync function's environment and role."
  }
  assert {
    condition     = output.redrive_function_name == "searchsync-redrive" && output.redrive_function_arn == "arn:aws:lambda:eu-central-1:111122223333:function:searchsync-redrive"
    error_message = "The outputs must name the redrive function."
  }
}

run "schedule_may_invoke_the_redrive_function_and_nothing_else" {
  variables {
    redrive = { schedule_expression = "rate(1 hour)" }
  }
  assert {
    condition     = [aws_cloudwatch_event_target.redrive[0].rule, aws_cloudwatch_event_target.redrive[0].arn] == ["searchsync-redrive", "arn:aws:lambda:eu-central-1:111122223333:function:searchsync-redrive"]
    error_message = "The rule's target must be the redrive function."
  }
  assert {
    condition = [aws_lambda_permission.redrive[0].action, aws_lambda_permission.redrive[0].function_name, aws_lambda_permission.redrive[0].principal, aws_lambda_permission.redrive[0].source_arn] == [
      "lambda:InvokeFunction",
      "searchsync-redrive",
      "events.amazonaws.com",
      "arn:aws:events:eu-central-1:111122223333:rule/searchsync-redrive",
    ]
    error_message = "EventBridge must be allowed to invoke the redrive function, for this rule alone."
  }
}
