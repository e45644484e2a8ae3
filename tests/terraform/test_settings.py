"""Every setting of the module and its parts: a right value reaches the right argument, a wrong one is refused at plan.

Values and places are in tests/support: the courses of `unsetting`, applied to the mocked provider, and `reaching`; the
wrong ones in `refusing`.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support import reaching, refusing, unsetting
from tests.support.policies import resources
from tests.support.replacing import Arguments
from tests.support.repository import ROOT
from tools.terraform_check import TESTS, Workspace, workspace

CALLS = "tests/lab/replaced"
STACK = "examples/settings"
ONLY = 'own["only"]'
FOLDERS = {
    ONLY: ".",
    "existing": ".",
    "collection": "modules/collection",
    "policies": "modules/collection_policies",
}
"""The module calls of CALLS, and the folder of each one's variables."""
RULE = re.compile(r"validation rule at variables\.tf:(\d+)")
LABEL = 'views["products"].'
PLACE = "eu-central-1:111122223333"
STREAM = f"arn:aws:dynamodb:{PLACE}:table/there/stream/2025-01-01T00:00:00.000"


@pytest.fixture(scope="module")
def stack() -> Iterator[Workspace]:
    """The calls beside the module, and a package where the module looks for one."""
    with workspace() as copy:
        shutil.copytree(ROOT / CALLS, copy.folder / STACK)
        (copy.folder / STACK / "outputs.tf").write_text(
            "".join(f'output "{call}" {{\n  value = module.{call}\n}}\n' for call in ("own", "existing"))
        )
        (copy.folder / "dist").mkdir()
        for kind in ("zip", "json"):
            shutil.copy(copy.folder / TESTS / f"packages/good.{kind}", copy.folder / f"dist/searchsync.{kind}")
        copy.initialise(STACK)
        with copy.with_provider(STACK) as served:
            yield served


def key(use: str) -> str:
    """A KMS key of its own for each use."""
    return f"arn:aws:kms:{PLACE}:key/{use.replace('_', '-')}"


@pytest.fixture(scope="module")
def courses(stack: Workspace) -> dict[str, dict[str, Arguments]]:
    """The arguments of each call, by course."""
    packages = stack.folder / TESTS / "packages"
    package = {
        "s3_bucket": "packages",
        "s3_key": "a.zip",
        "s3_object_version": "1",
        "facts": str(packages / "good.json"),
    }
    given = {
        "unlike": unsetting.unlike(key),
        "anew": unsetting.anew(f"arn:aws:iam::{PLACE.partition(':')[2]}:role/given", package),
        "in_place": unsetting.in_place(str(packages / "other-runtime.zip"), key),
    }
    plain = unsetting.plain(STREAM)
    return {
        name: {ONLY if call == "own" else call: each for call, each in unsetting.with_settings(plain, course).items()}
        for name, course in given.items()
    }


def written(name: str, course: Mapping[str, Arguments]) -> str:
    """A course as a test file with one run, so that it has a state of its own."""
    values = {"own": {"only": course[ONLY]}, **{call: each for call, each in course.items() if call != ONLY}}
    text = "\n".join(f"    {call} = {json.dumps(each)}" for call, each in values.items())
    return (
        f'mock_provider "aws" {{\n  source = "../../{TESTS}/mocks"\n}}\n'
        f'run "{name}" {{\n{encrypted(course)}  variables {{\n{text}\n  }}\n}}\n'
    )


def encrypted(course: Mapping[str, Arguments]) -> str:
    """What AWS answers for a collection with a key of its own."""
    keys = {
        f"module.{ONLY}.module.collection[0]": course[ONLY]["collection"].get("kms_key_arn"),
        "module.collection": course["collection"].get("kms_key_arn"),
    }
    arn = f"arn:aws:aoss:{PLACE}:collection/c0ffee"
    return "".join(
        f"  override_resource {{\n    target = {module}.{reaching.COLLECTION}\n"
        f'    values = {{ arn = "{arn}", kms_key_arn = "{value}" }}\n  }}\n'
        for module, value in keys.items()
        if value
    )


@pytest.fixture(scope="module")
def states(
    stack: Workspace, courses: dict[str, dict[str, Arguments]]
) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """What each course made, by course and call."""
    for name, course in courses.items():
        (stack.folder / STACK / f"{name}.tftest.hcl").write_text(written(name, course))
    done = stack.terraform(STACK, "test", "-json", "-verbose")
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("type") != "test_state":
            continue
        state = message["test_state"]
        outputs = {"existing": state["outputs"]["existing"]["value"], ONLY: state["outputs"]["own"]["value"]["only"]}
        for call in FOLDERS:
            prefix = f"module.{call}."
            mine = {
                each["address"].removeprefix(prefix): each["values"]
                for each in resources(state["root_module"])
                if each["address"].startswith(prefix)
            }
            found[message["@testrun"], call] = {**mine, "output": outputs.get(call, {})}
    assert found.keys() == {(course, call) for course in courses for call in FOLDERS}, done.stdout[-5000:]
    return found


def test_every_setting_has_its_places_or_a_reason() -> None:
    for folder, rows in reaching.ROWS.items():
        reasons = reaching.NOWHERE.keys() if folder == "." else set()
        assert not rows.keys() & reasons
        assert rows.keys() | reasons == reaching.leaves(folder).keys()


def test_every_setting_is_given_in_a_course_that_tells_it_from_others(
    courses: dict[str, dict[str, Arguments]],
) -> None:
    for folder, rows in reaching.ROWS.items():
        given = [course[call] for course in courses.values() for call in FOLDERS if FOLDERS[call] == folder]
        assert {leaf for leaf in rows if all(reaching.given(each, leaf) is None for each in given)} == set()
        assert reaching.alike(rows, given) == set()


def test_a_right_value_reaches_its_argument_and_no_other_course_has_it(
    states: dict[tuple[str, str], dict[str, dict[str, Any]]], courses: dict[str, dict[str, Arguments]]
) -> None:
    wrong = []
    for (course, call), state in states.items():
        for leaf, places in reaching.ROWS[FOLDERS[call]].items():
            mine = reaching.given(courses[course][call], leaf)
            others = [reaching.given(each[call], leaf) for each in courses.values()]
            for value in (each for each in others if each is not None):
                wrong += [
                    f"{course}, {call}: {leaf} {value!r} {'is not' if value == mine else 'is'} at {place}"
                    for place in places
                    if place.has(state, value) != (value == mine)
                ]
    assert not wrong, "\n".join(sorted({*wrong}))


def test_every_setting_has_a_wrong_value_or_a_reason() -> None:
    for folder in refusing.ROWS:
        kinds = reaching.leaves(folder)
        switches = {leaf for leaf, kind in kinds.items() if kind == "bool"}
        reasons = {leaf for module, leaf in refusing.FREE if module == folder}
        looked_at = refusing.looked_at(folder) & kinds.keys()
        assert not reasons & looked_at
        assert looked_at | switches | reasons == kinds.keys()


@pytest.mark.parametrize("folder", refusing.ROWS)
def test_a_wrong_value_is_refused_with_setting_value_and_remedy(folder: str, tmp_path: Path) -> None:
    """By the module's variables alone, which need no provider."""
    for name in ("variables.tf", "patterns.tf"):
        if (ROOT / folder / name).exists():
            shutil.copy(ROOT / folder / name, tmp_path)
    alone, numbers = Workspace(tmp_path), count()

    def messages(arguments: Arguments) -> list[str]:
        file = tmp_path / f"{next(numbers)}.json"
        file.write_text(json.dumps(arguments))
        done = alone.terraform(".", "plan", "-json", "-lock=false", f"-var-file={file}")
        found = [json.loads(line).get("diagnostic") for line in done.stdout.splitlines() if line.startswith("{")]
        assert {each["summary"] for each in found if each} <= {"Invalid value for variable"}, done.stdout
        return [each["detail"] for each in found if each]

    assert messages(refusing.BASE[folder]) == []
    rounds = refusing.rounds(refusing.ROWS[folder], refusing.reads(folder))
    with ThreadPoolExecutor(2) as pool:
        given = [
            functools.reduce(lambda found, row: row.arguments(found), each, refusing.BASE[folder]) for each in rounds
        ]
        said = list(pool.map(messages, given))
    pairs = [(row, told) for each, told in zip(rounds, said, strict=True) for row in each]
    wrong = [f"{row}\n{told}" for row, told in pairs if not any(map(row.said_by, told))]
    assert not wrong, "\n".join(wrong)
    if folder == "modules/view":  # as another view than the first says it
        with ThreadPoolExecutor(2) as pool:
            of_a_view = list(pool.map(messages, ({**each, "label": LABEL} for each in given)))
        assert [len(each) for each in of_a_view] == [len(each) for each in said]
        assert all(text.startswith(LABEL) for each in of_a_view for text in each), of_a_view
    seen = {line for row, told in pairs for text in filter(row.said_by, told) for line in RULE.findall(text)}
    lines = enumerate((ROOT / folder / "variables.tf").read_text("utf-8").splitlines(), start=1)
    assert seen == {str(number) for number, line in lines if line == "  validation {"}, "a rule without a wrong value"
