"""What a setting replaces: the table of docs/settings.md against plans of an applied stack, one for each setting."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.maven import ROOT
from lab.stack import Lab
from lab.terraform import Terraform
from tests.support import replacing, there
from tests.support.packages import BUILT, copied

NAME = "replaced"
TYPE = re.compile(r"\b(aws_\w+|terraform_data)\.")
PAGE = (ROOT / "docs/settings.md").read_text("utf-8")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Zips by what they are: for another runtime, and with another content."""
    folder = tmp_path_factory.mktemp("packages")
    return {
        "facts": str(BUILT.with_suffix(".json")),
        "python3.13": copied(folder / "python3.13.zip", runtime="python3.13"),
        "more": copied(folder / "more.zip", more=b"\n"),
    }


class Replaced:
    """The applied stack, and what a plan of one change replaces in it."""

    def __init__(self, terraform: Terraform, arguments: dict[str, replacing.Arguments]) -> None:
        self._terraform = terraform
        self._arguments = arguments

    def by(self, lot: Mapping[str, Sequence[replacing.Arguments]]) -> dict[str, set[str]]:
        """The types of what is replaced in each module call where these are changed at once. LabError: refused."""
        changed = {call: functools.reduce(replacing.merged, each, self._arguments[call]) for call, each in lot.items()}
        planned = self._terraform.planned(variables({**self._arguments, **changed}))
        assert {address.split(".")[1] for address in planned} == set(lot), "something else changes, or nothing"
        return {
            call: {
                TYPE.findall(at)[0] for at in planned if at.startswith(f"module.{call}.") and planned[at] == "replace"
            }
            for call in lot
        }

    def by_what_it_waits_for(self) -> dict[str, str]:
        """What a plan does where something changes that every module here depends on."""
        return self._terraform.planned({**variables(self._arguments), "upstream": "changed"})


def variables(arguments: dict[str, replacing.Arguments]) -> dict[str, replacing.Arguments]:
    """The configuration's: a module call's arguments under its name, the copies' together, by key."""
    copies = {call: found for call, found in arguments.items() if call in replacing.COPIES}
    keyed = {call.split('"')[1]: found for call, found in copies.items()}
    return {"own": keyed, **{call: found for call, found in arguments.items() if call not in copies}}


@pytest.fixture(scope="module")
def stream_arn(lab: Lab) -> str:
    """The stream of a table that is there."""
    return str(there.table(lab.boto3_client("dynamodb"), "existing")["LatestStreamArn"])


@pytest.fixture(scope="module")
def changes(packages: dict[str, str], stream_arn: str) -> dict[str, replacing.Changes]:
    """Every change, by module call and setting."""
    rows = replacing.rows(PAGE)
    own = dict(sorted(replacing.own_changes(packages).items(), key=lambda each: (".", each[0]) in rows))
    return {
        **dict(zip(replacing.COPIES, replacing.dealt(own, len(replacing.COPIES)), strict=True)),
        "existing": replacing.existing_changes(stream_arn),
        "collection": replacing.COLLECTION_CHANGES,
        "policies": replacing.POLICIES_ALONE,
    }


@pytest.fixture(scope="module")
def replaced(lab: Lab, stream_arn: str) -> Iterator[Replaced]:
    role_arn = there.function_role(lab.boto3_client("iam"), "existing")
    arguments = {
        **{call: replacing.own(f"{NAME}-{number}") for number, call in enumerate(replacing.COPIES)},
        "existing": replacing.existing(stream_arn, role_arn),
        "collection": replacing.COLLECTION,
        "policies": replacing.POLICIES,
    }
    with Terraform(Path(__file__).parent / NAME, lab) as terraform:
        terraform.apply(variables(arguments))
        assert terraform.plan_is_empty(), terraform.plan()
        yield Replaced(terraform, arguments)


def test_every_setting_is_changed(changes: dict[str, replacing.Changes]) -> None:
    found: dict[str, set[str]] = {}
    for call, folder in replacing.PARTS.items():
        found.setdefault(folder, set()).update(changes[call])
    assert found == {folder: replacing.settings(folder) for folder in found}
    written = {(folder, name) for folder, name in replacing.rows(PAGE) if folder in found}
    assert written <= {(folder, name) for folder, names in found.items() for name in names}


def test_what_has_a_row_is_replaced_and_nothing_beside(
    replaced: Replaced, changes: dict[str, replacing.Changes]
) -> None:
    rows = replacing.rows(PAGE)
    queues = [
        [(call, name, change) for name, found in changes[call].items() for change in found if (folder, name) in rows]
        for call, folder in replacing.PARTS.items()
    ]
    wrong = {}
    for lot in zip_longest(*queues):  # the calls know nothing of one another: one plan shows a change of each
        present = [each for each in lot if each is not None]
        seen = replaced.by({call: [change] for call, _, change in present})
        for call, name, _ in present:
            if seen[call] != rows[replacing.PARTS[call], name]:
                wrong[call, name] = seen[call]
    assert not wrong, wrong


def test_what_has_no_row_replaces_nothing(replaced: Replaced, changes: dict[str, replacing.Changes]) -> None:
    rows = replacing.rows(PAGE)
    queues = [
        [
            (call, crowd)
            for crowd in replacing.crowds(
                {
                    name: found
                    for name, found in changes[call].items()
                    if (folder, name) not in rows and (folder, name) not in replacing.REFUSED
                }
            )
        ]
        for call, folder in replacing.PARTS.items()
    ]
    assert all(queues)
    for lot in zip_longest(*queues):
        present = dict(each for each in lot if each is not None)
        assert replaced.by(present) == {call: set() for call in present}, present


def test_what_the_modules_depend_on_changes_alone(replaced: Replaced) -> None:
    """F51: behind a `depends_on` a data source is unknown while planning, and all that reads it "changes"."""
    assert replaced.by_what_it_waits_for() == {"terraform_data.upstream": "update"}


@pytest.mark.parametrize(("folder", "name"), sorted(replacing.REFUSED))
def test_what_a_plan_refuses_replaces_nothing(
    replaced: Replaced, changes: dict[str, replacing.Changes], folder: str, name: str
) -> None:
    assert (folder, name) not in replacing.rows(PAGE)
    calls = [call for call in changes if replacing.PARTS[call] == folder and name in changes[call]]
    assert calls
    for call in calls:
        for change in changes[call][name]:
            with pytest.raises(LabError, match=replacing.REFUSED[folder, name]):
                replaced.by({call: [change]})
