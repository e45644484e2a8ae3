"""Each alarm against each way to fail: no failing or missing run ends an alarm whose cause holds.

Whether FILL fills a metric that has no data in the whole range nobody says: both are tried.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import pytest

from tests.support.alarms import ALARM, ALARMS, OK, ROOT, Period, states

NOTHING: Period = {}
CASES: tuple[tuple[str, str, Sequence[Period], str], ...] = (
    ("failures", "messages wait", [{"waiting": 1}], ALARM),
    ("failures", "a redrive hides them, and is killed", [{"waiting": 1}, *[{"waiting": 0}] * 3, {"waiting": 1}], ALARM),
    ("failures", "a redrive hides them for all of the timeout", [{"waiting": 1}, *[{"waiting": 0}] * 3], ALARM),
    ("failures", "a redrive that failed left them", [{"waiting": 1}] * 5, ALARM),
    ("failures", "a queue that SQS sends nothing of", [{"waiting": 1}, *[NOTHING] * 99], ALARM),
    ("failures", "the last one is redriven", [{"waiting": 1}, *[{"waiting": 0}] * 5], OK),
    ("iterator-age", "late, then the trigger is off", [{"age": 9e9}, NOTHING, NOTHING, NOTHING], ALARM),
    ("iterator-age", "late, then caught up", [{"age": 9e9}, {"age": -1}], OK),
    ("stream-unread", "the trigger is off", [{"invocations": 3, "writes": 3}, {"writes": 3}, {"writes": 1}], ALARM),
    ("stream-unread", "off from the beginning", [{"writes": 3}, {"writes": 1}], ALARM),
    ("stream-unread", "every invocation is throttled", [{"writes": 3, "invocations": 0}] * 2, ALARM),
    (
        "stream-unread",
        "off, and nothing more is written",
        [{"invocations": 1}, *[{"writes": 3}] * 3, *[NOTHING] * 9],
        ALARM,
    ),
    ("stream-unread", "on again", [*[{"writes": 3}] * 3, {"writes": 3, "invocations": 2}], OK),
    ("stream-unread", "off, and seldom written", [{"invocations": 1}, {"writes": 3}, NOTHING, {"writes": 1}], ALARM),
    (
        "stream-unread",
        "changes at periods' ends",
        [{"writes": 1}, {"invocations": 1}, {"writes": 1}, {"invocations": 1}, {"writes": 1}],
        OK,
    ),
    ("stream-unread", "a change at a period's end", [{"writes": 3}, {"invocations": 1}, NOTHING], OK),
    ("stream-unread", "a table at rest", [NOTHING] * 9, OK),
    ("errors", "a batch fails as a whole", [{"errors": 1}], ALARM),
    ("errors", "it fails, and the trigger is off", [{"errors": 1}, *[NOTHING] * 9], ALARM),
    ("errors", "it fails again and again", [{"errors": 1}] * 5, ALARM),
    ("errors", "an invocation that went well", [{"errors": 1}, {"errors": 0}], OK),
    ("redrive-errors", "a redrive by night fails", [{"errors": 1}, *[NOTHING] * 99], ALARM),
    ("redrive-errors", "the next one goes well", [{"errors": 1}, NOTHING, {"errors": 0}], OK),
    ("repair-needed", "said once", [{"needed": 1}], ALARM),
    ("repair-needed", "later invocations need none", [{"needed": 1}, *[NOTHING] * 99], ALARM),
    ("repair-needed", "a clean comparison began after it", [{"needed": 1}, NOTHING, {"needed": 0}], OK),
    ("redrive-repair-needed", "later redrives need none", [{"needed": 1}, *[NOTHING] * 99], ALARM),
    ("redrive-repair-needed", "a clean comparison began after it", [{"needed": 1}, {"needed": 0}], OK),
    ("drift", "a verification finds differences", [{"differences": 3}, *[NOTHING] * 99], ALARM),
    ("drift", "a repair leaves none", [{"differences": 3}, NOTHING, {"differences": 0}], OK),
    ("reconciliation-failed", "a run fails", [{"failed": 1, "succeeded": 0}], ALARM),
    ("reconciliation-failed", "it fails, and no other runs", [{"failed": 1, "succeeded": 0}, *[NOTHING] * 99], ALARM),
    ("reconciliation-failed", "another is under way", [{"failed": 1, "succeeded": 0}, {"succeeded": 0}], ALARM),
    (
        "reconciliation-failed",
        "a later one succeeds",
        [{"failed": 1}, NOTHING, {"succeeded": 1}],
        OK,
    ),
    ("reconciliation-failed", "the schedule gives way to another", [NOTHING] * 3, OK),
    ("rolling-late", "its calls fail, or its rule is off", [{"age": -1}, *[NOTHING] * 3], ALARM),
    ("rolling-late", "parts are old, each call long", [{"age": 9e9}] * 3, ALARM),
    ("rolling-late", "a call that fails, or is late", [{"age": -1}, NOTHING, NOTHING, {"age": -1}], OK),
    ("rolling-late", "it goes on", [*[NOTHING] * 5, {"age": -1}], OK),
)
"""Alarm, way to fail or to mend, what its metrics have, and its state at the end."""


@pytest.mark.parametrize("fills_all", [True, False], ids=["fills all", "fills what has data"])
@pytest.mark.parametrize(("name", "way", "course", "state"), CASES, ids=[f"{each[0]}: {each[1]}" for each in CASES])
def test_an_alarm_ends_with_its_cause(
    name: str, way: str, course: Sequence[Period], state: str, fills_all: bool
) -> None:
    if way == "off from the beginning" and not fills_all:
        pytest.skip("no metric of a function that was never invoked: where FILL fills only what has data, none is seen")
    assert states(ALARMS[name], course, fills_all)[-1] == state


def test_every_alarm_is_raised_and_ended_by_a_case() -> None:
    assert {(each[0], each[3]) for each in CASES} == {(name, state) for name in ALARMS for state in (OK, ALARM)}


def members(node: ast.expr) -> list[ast.expr]:
    """Those of a tuple, else the expression itself."""
    return node.elts if isinstance(node, ast.Tuple) else [node]


def asked(test: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Alarm and method of each call on a name that the test has given to a `Watched`."""
    nodes = list(ast.walk(test))
    given = [(each.targets[0], each.value) for each in nodes if isinstance(each, ast.Assign)]
    watched = {
        ast.unparse(name): ast.literal_eval(value.args[1])
        for names, values in given
        for name, value in zip(members(names), members(values), strict=False)
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "Watched"
    }
    for each in nodes:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            alarm = watched.get(ast.unparse(each.func.value))
            if alarm is not None:
                yield alarm, each.func.attr


def test_every_alarm_is_fired_and_ended_by_a_test_in_the_lab() -> None:
    trees = [ast.parse(file.read_text()) for file in (ROOT / "tests/lab").glob("test_*.py")]
    tests = [each for tree in trees for each in tree.body if isinstance(each, ast.FunctionDef)]
    found = {each for test in tests if test.name.startswith("test_") for each in asked(test)}
    assert {(name, way) for name in ALARMS for way in ("fires", "ends")} - found == set()
