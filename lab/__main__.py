"""`python -m lab up`: the lab until Ctrl-C, with commands to try it."""

from __future__ import annotations

import argparse
import sys
import time

from lab.behaviours import add_profile
from lab.errors import LabError
from lab.process import exit_on_signals
from lab.stack import Lab
from lab.terraform import plugin_directory

DAY_SECONDS = 86_400


def main() -> int:
    """Run a command of the lab."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    up = parser.add_subparsers(dest="command", required=True).add_parser("up", help="run until Ctrl-C")
    add_profile(up)
    chosen = parser.parse_args()
    exit_on_signals()
    try:
        with Lab.start(progress=_say, profile=chosen.profile, scale=chosen.scale) as lab:
            print(_welcome(lab), flush=True)
            while True:
                time.sleep(DAY_SECONDS)
    except KeyboardInterrupt:
        print("\nThe lab is gone.")
        return 0
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _welcome(lab: Lab) -> str:
    exports = "\n".join(f"export {name}={value}" for name, value in lab.environment().items())
    plugins = plugin_directory()
    init = f"terraform init -plugin-dir={plugins}" if plugins else "terraform init"
    return f"""
AWS APIs       {lab.endpoint}
search engine  {lab.engine_url}

# In another terminal, from this folder:
{exports}
cd examples/workshop
{init} && terraform apply

curl "$AWS_ENDPOINT_URL/_aws/execute-api/$(terraform output -raw rest_api_id)/lab/" \\
  -H 'Content-Type: application/json' -d '{{"name": "first", "type": "trial"}}'
aws dynamodb scan --table-name "$(terraform output -raw table_name)"
aws lambda list-event-source-mappings --query 'EventSourceMappings[].LastProcessingResult'
aws logs tail "$(terraform output -raw log_group_name)"
curl '{lab.engine_url}/_cat/indices?v'
curl -X POST '{lab.engine_url}/_refresh'; curl '{lab.engine_url}/_search?pretty'  # past the gate: nothing is late

# Before the next lab: what terraform remembers of this one
rm terraform.tfstate

Ctrl-C ends it and leaves nothing behind.
"""


if __name__ == "__main__":
    sys.exit(main())
