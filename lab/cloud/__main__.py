"""`python -m lab.cloud --port N --engine-url URL`: the lab's AWS APIs, until SIGTERM."""

from __future__ import annotations

import argparse
import os
import sys

from lab.behaviours import add_profile, in_the_lab
from lab.cloud.settings import REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Settings
from lab.process import LOOPBACK


def main() -> None:
    """Serve until a signal comes."""
    settings = _arguments(sys.argv[1:])
    _prepare_environment(settings)
    # ministack reads the environment while it is imported.
    from lab.cloud.server import serve  # noqa: PLC0415

    serve(settings)


def _arguments(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m lab.cloud", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="the free loopback port to serve")
    parser.add_argument("--engine-url", required=True, help="URL of the running search engine")
    parser.add_argument(
        "--sequence-numbers",
        choices=["dynamodb", "ministack"],
        default="dynamodb",
        help="the shape of stream sequence numbers: DynamoDB's, or ministack's own",
    )
    add_profile(parser)
    found = parser.parse_args(arguments)
    behaviours = in_the_lab(found.profile, found.scale)
    return Settings(found.port, found.engine_url, found.sequence_numbers, behaviours)


def _prepare_environment(settings: Settings) -> None:
    os.environ |= {
        "AUTH": "true",
        "GATEWAY_PORT": str(settings.port),
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Pauses before a Retry are a tenth of AWS's: a test need not sit them out.
        "SFN_WAIT_SCALE": "0.1",
        # No socket there: a Docker daemon of this machine is none of the lab's business.
        "DOCKER_HOST": "unix:///nonexistent/searchsync-lab.sock",
    }
    # The functions inherit this environment; the zip must bring what it imports.
    for name in ("PYTHONPATH", "PYTHONHOME", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        os.environ.pop(name, None)


if __name__ == "__main__":
    main()
