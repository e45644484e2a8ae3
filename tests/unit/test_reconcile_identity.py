"""What a run compares, by names that no other has."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opensearchpy.exceptions import NotFoundError, TransportError

from searchsync.clock import Backoff, Deadline
from searchsync.config import read_environment
from searchsync.documents.condition import Condition
from searchsync.errors import CollectionBusyError, StackError
from searchsync.reconcile import identity
from searchsync.reconcile.identity import CONVERSION, Index, Looker, changed, conversion, index_in, saw
from searchsync.reconcile.prepare import TableFacts
from tests.support.events import OWNER, TABLE_ARN, environment
from tests.support.fakes import FakeClock

CONFIG = read_environment(environment())
TABLE = TableFacts({"id": "S"}, 0, "arn", "table-1")
INDEX = Index("there", "uuid-1", "mark-1")
MARK = {"mark": "m", "created": 7, "stack": "sync", "table": TABLE_ARN}
OURS = {"mappings": {"_meta": {"searchsync": MARK}}, "settings": {"index": {"uuid": "u"}}}


class Transport:
    """Answers each path with the next of its answers, the last again and again."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.transport = self

    def perform_request(self, _method: str, path: str, **_: Any) -> Any:
        answers = self.answers["count" if path.endswith("_count") else "index"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def look(**answers: list[Any]) -> Index:
    clock = FakeClock()
    client: Any = Transport(**answers)
    looker = Looker(client, "orders", OWNER, Backoff(clock, random.Random(1)))
    return looker.look(Deadline.after(clock, 30.0))


MISSING = NotFoundError(404, "index_not_found_exception", {"error": {"type": "index_not_found_exception"}})
BUSY = TransportError(429, "busy", {})


def test_an_index_is_told_by_its_uuid_and_our_mark() -> None:
    assert look(index=[{"orders": OURS}], count=[{"count": 3}]) == Index("there", "u", "m", 7.0, 3)


def test_a_collection_that_shows_no_uuid_is_told_by_the_mark() -> None:
    assert index_in({"orders": {**OURS, "settings": {}}}, {"count": 3}, OWNER) == Index("there", None, "m", 7.0, 3)


@pytest.mark.parametrize("body", [{"orders": {"mappings": {}, "settings": {}}}, {}, None])
def test_an_index_without_our_mark_is_not_ours(body: Any) -> None:
    assert index_in(body, None, OWNER) == Index("unowned", owner="nobody")


@pytest.mark.parametrize("other", [{"stack": "billing"}, {"table": TABLE_ARN + "-2"}])
def test_an_index_of_another_stack_or_table_is_not_ours_and_says_whose_it_is(other: dict[str, str]) -> None:
    mark = {**MARK, **other}
    found = index_in({"orders": {"mappings": {"_meta": {"searchsync": mark}}}}, None, OWNER)
    assert (found.state, found.owner) == ("unowned", f"{mark['stack']} {mark['table']}")


@pytest.mark.parametrize("answers", [{"index": [MISSING]}, {"index": [{"orders": OURS}], "count": [MISSING]}])
def test_an_index_that_is_gone_is_missing(answers: dict[str, list[Any]]) -> None:
    assert look(**answers) == Index("missing")


def test_a_collection_that_wakes_is_asked_again() -> None:
    assert look(index=[BUSY, BUSY, {"orders": OURS}], count=[BUSY, {"count": 3}]).documents == 3
    with pytest.raises(CollectionBusyError):
        look(index=[BUSY])


def test_a_count_of_some_shards_is_no_count() -> None:
    """Of a shard that no node has at the time the engine counts nothing, and calls it no failure."""
    some = {"count": 1, "_shards": {"total": 2, "successful": 1, "skipped": 0, "failed": 0}}
    assert look(index=[{"orders": OURS}], count=[some, some, {"count": 3}]).documents == 3


def test_a_refusal_names_the_permission() -> None:
    with pytest.raises(StackError, match="aoss:DescribeIndex"):
        look(index=[TransportError(403, "no", {})])


def shaped(**rules: Any) -> dict[str, Any]:
    """What is seen where one rule of the shape is another, and nothing else."""
    return saw(replace(CONFIG, shape=replace(CONFIG.shape, **rules)), TABLE, INDEX)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (saw(replace(CONFIG, host="https://other.eu-central-1.aoss.amazonaws.com"), TABLE, INDEX), "collection"),
        (saw(replace(CONFIG, index="other"), TABLE, INDEX), "index"),
        (saw(replace(CONFIG, mapping={"dynamic": False}), TABLE, INDEX), "mapping"),
        (shaped(exclude=("a",)), "shape"),
        (shaped(rename=(("a", "b"),)), "shape"),
        (shaped(constants=(("a", {"BOOL": True}),)), "shape"),
        (saw(replace(CONFIG, when=Condition('{"a": [1]}')), TABLE, INDEX), "shape"),
        (saw(replace(CONFIG, stream_arn="other"), TABLE, INDEX), "stream_arn"),
        (saw(CONFIG, replace(TABLE, id="table-2"), INDEX), "table_id"),
        (saw(CONFIG, TABLE, replace(INDEX, uuid="uuid-2")), "index_uuid"),
        (saw(CONFIG, TABLE, replace(INDEX, mark="mark-2")), "index_mark"),
    ],
)
def test_each_thing_that_is_another_is_named(other: dict[str, Any], name: str) -> None:
    before = saw(CONFIG, TABLE, INDEX)
    assert changed(before, before) == []
    assert changed(before, other) == [name]
    assert changed({**before, name: None}, other) == []
    assert changed(before, {**other, name: None}) == []


@pytest.mark.parametrize("module", CONVERSION)
def test_another_rule_of_conversion_is_another_digest(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CONVERSION:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((identity.SOURCES / name).read_bytes())
    before = conversion()
    monkeypatch.setattr(identity, "SOURCES", tmp_path)
    assert conversion() == before
    with (tmp_path / module).open("a") as file:
        file.write("#")
    assert conversion() != before
