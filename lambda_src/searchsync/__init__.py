"""searchsync: the function that keeps an OpenSearch Serverless index in step with a DynamoDB table."""

from pathlib import Path

from searchsync.lean import absent, without_init

VERSION = "0.1.0"


def package_in(folder: Path) -> str:
    """What runs: the version, and the first digits of the digests that build.py wrote beside these sources: theirs, and
    the one of a user's transform, if it packed one."""
    transform = _written(folder / "transform.sha256")
    own = f".transform-{transform[:12]}" if transform else ""
    return f"{VERSION}+{_written(folder / 'sources.sha256')[:12] or 'unbuilt'}{own}"


def _written(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        return ""


PACKAGE = package_in(Path(__file__).parent)
"""As log lines, `searchsync status` and the output `package` name it: a semantic version with its build metadata."""

without_init("opensearchpy", "opensearchpy.client", "opensearchpy.helpers")
with absent("asyncio", "charset_normalizer"):
    import opensearchpy.connection  # noqa: F401 - it asks for them, as requests does, and does without
