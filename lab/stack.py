"""The whole lab: search engine and cloud process, started together and gone together."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.behaviours import DEFAULT_PROFILE, LAB_SCALE, in_the_lab
from lab.closing import Closing
from lab.cloud.settings import (
    REGION,
    ROOT_ACCESS_KEY,
    ROOT_SECRET_KEY,
    SequenceNumbers,
)
from lab.engine import Engine
from lab.errors import LabError
from lab.gate_admin import GateClient
from lab.maven import ROOT, Progress, silent
from lab.process import LOOPBACK, Child, free_port, wait_for_url

PYTHON_VARIABLE = "SEARCHSYNC_LAB_PYTHON"
STATE_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Credentials:
    """Whose calls they are. Without arguments the account's root: every AWS call, but no way into a collection."""

    access_key: str = ROOT_ACCESS_KEY
    secret_key: str = ROOT_SECRET_KEY
    region: str = REGION


def lab_python() -> Path:
    """The interpreter with ministack; LabError with the command that makes it."""
    python = Path(os.environ.get(PYTHON_VARIABLE) or ROOT / ".lab/venv/bin/python")
    if not python.exists():
        raise LabError(f"There is no lab environment at {python}. Run `make setup`.")
    return python


class Lab(Closing):
    """The running lab; a context manager. `endpoint` serves the AWS APIs, `engine_url` the engine."""

    def __init__(self, engine: Engine, cloud: Child, home: Path, endpoint: str) -> None:
        self.endpoint = endpoint
        self.engine_url = engine.url
        self.credentials = Credentials()
        self._engine, self._cloud, self._home = engine, cloud, home

    @classmethod
    def start(
        cls,
        progress: Progress = silent,
        *,
        sequence_numbers: SequenceNumbers = "dynamodb",
        engine: Engine | None = None,
        profile: str = DEFAULT_PROFILE,
        scale: float = LAB_SCALE,
    ) -> Lab:
        """Start both on free ports and wait until they answer. LabError when one does not, ValueError where
        there is no such profile.

        `engine`: one that runs already; the lab closes it in either case. `profile`: what its collections are like
        (`lab.behaviours`); `scale`: the lab's seconds for one of AWS's.
        """
        python = lab_python()
        in_the_lab(profile, scale)
        engine = engine or Engine.open(progress)
        home = Path(tempfile.mkdtemp(prefix="searchsync-lab-"))
        endpoint = f"http://{LOOPBACK}:{(port := free_port())}"
        options = ["--port", str(port), "--engine-url", engine.url]
        options += ["--sequence-numbers", sequence_numbers, "--profile", profile, "--scale", str(scale)]
        try:
            progress("AWS APIs: starting")
            cloud = Child.start(
                "AWS APIs",
                [python, "-m", "lab.cloud", *options],
                home / "log",
                environment=_environment(home),
                directory=ROOT,
            )
            wait_for_url(cloud, f"{endpoint}/_ministack/health")
        except BaseException:
            engine.close()
            shutil.rmtree(home, ignore_errors=True)
            raise
        return cls(engine, cloud, home, endpoint)

    def boto3_client(self, service: str, account: str | None = None, region: str | None = None) -> Any:
        """A boto3 client of the lab with the root's credentials; of the lab's own account and region unless given."""
        import boto3  # noqa: PLC0415  Only those who ask for a client need it.

        make: Any = boto3.client  # The stubs know a client's class only for a literal name.
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name=region or self.credentials.region,
            # ministack takes an account's number for its root
            aws_access_key_id=account or self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
        )

    @property
    def gate(self) -> GateClient:
        """The faults and counts of the only collection. LabError when there is not exactly one."""
        collections = self.state()["collections"]
        if len(collections) != 1:
            raise LabError(
                f"The lab has {len(collections)} collections, and `gate` means the only one: "
                "apply an example first, or use `gate_of(endpoint)`."
            )
        return GateClient(collections[0]["admin"])

    def gate_of(self, endpoint: str) -> GateClient:
        """The faults and counts of the collection with this endpoint. LabError when unknown."""
        for collection in self.state()["collections"]:
            if collection["endpoint"] == endpoint:
                return GateClient(collection["admin"])
        raise LabError(f"No collection has the endpoint {endpoint}: see `terraform output`.")

    def calls(self, principal: str) -> set[str]:
        """The IAM actions that a principal has called, as `lab.cloud.calls` names it; a pattern such as `*/run`."""
        seen = self.state()["calls"]
        return {action for name in fnmatch.filter(seen, principal) for action in seen[name]}

    def granted(self, role: str) -> set[tuple[str, str]]:
        """The pairs of action and resource in a role's policies that have allowed something since the start."""
        return {(action, resource) for action, resource in self.state()["granted"].get(role, [])}

    def state(self) -> Any:
        """Collections, event source mappings, sandboxes, calls and grants, as the cloud process sees them."""
        return self._asked("state")

    def age(self, seconds: float) -> None:
        """Let so many seconds pass at once for what the cloud process has recorded (`lab.cloud.aging`)."""
        self._asked(f"age/{seconds}")

    def _asked(self, what: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.endpoint}/_lab/{what}", timeout=STATE_TIMEOUT_SECONDS) as answer:
            return json.load(answer)

    def log(self) -> str:
        """The end of the cloud process's log: refused permissions, failed invocations."""
        return self._cloud.tail()

    @property
    def cloud_process(self) -> subprocess.Popen[bytes]:
        """The process of the AWS APIs."""
        return self._cloud.process

    def environment(self, credentials: Credentials | None = None) -> dict[str, str]:
        """The variables that point the AWS CLI, an SDK or Terraform at the lab; as root unless told whose they are."""
        who = credentials or self.credentials
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret_key,
            "AWS_DEFAULT_REGION": who.region,
            "AWS_REGION": who.region,
        }

    def close(self) -> None:
        """Stop everything and remove its files. Idempotent."""
        self._cloud.close()
        self._engine.close()
        shutil.rmtree(self._home, ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    """What the cloud process, and with it every function, gets to see: not this machine's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
