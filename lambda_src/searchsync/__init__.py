"""searchsync: the function that keeps an OpenSearch Serverless index in step with a DynamoDB table."""

VERSION = "0.1.0"
