"""searchsync: the function that keeps an OpenSearch Serverless index in step with a DynamoDB table."""

from searchsync.lean import absent, without_init

VERSION = "0.1.0"

without_init("opensearchpy", "opensearchpy.client", "opensearchpy.helpers")
with absent("asyncio"):
    import opensearchpy.connection  # noqa: F401 - it asks for asyncio twice, and does without
