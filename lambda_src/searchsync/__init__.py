"""searchsync: the function that keeps an OpenSearch Serverless index in step with a DynamoDB table."""

from pathlib import Path

from searchsync.lean import absent, without_init

VERSION = "0.1.0"


def package_in(folder: Path) -> str:
    """What runs: the version, and the first digits of the digest that build.py wrote beside these sources."""
    try:
        sources = (folder / "sources.sha256").read_text("ascii")
    except FileNotFoundError:
        sources = "unbuilt"
    return f"{VERSION}+{sources[:12]}"


PACKAGE = package_in(Path(__file__).parent)
"""As log lines, `searchsync status` and the output `package` name it: a semantic version with its build metadata."""

without_init("opensearchpy", "opensearchpy.client", "opensearchpy.helpers")
with absent("asyncio", "charset_normalizer"):
    import opensearchpy.connection  # noqa: F401 - it asks for them, as requests does, and does without
