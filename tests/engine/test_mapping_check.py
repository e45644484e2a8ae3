"""`searchsync mapping check` on a real engine: its own words, nothing of the index changed, nothing left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from lab.behaviours import Behaviours, in_the_lab
from lab.engine import Engine
from lab.faults import Fault, FaultKind
from lab.gate import Gate
from searchsync.clock import SystemClock
from searchsync.config import Config, read_environment
from searchsync.documents.index import MARK
from searchsync.edges.collection import connect
from searchsync.errors import RunRefusedError, StackError
from searchsync.limits import CLEAN_UP
from searchsync.reconcile.asker import probe_index
from searchsync.reconcile.check import check
from tests.support.events import environment
from tests.support.real_lane import AUTH

PRESENT = {"properties": {"n": {"type": "long"}, "t": {"type": "text", "analyzer": "own"}}}
ANALYSIS = {"analysis": {"analyzer": {"own": {"type": "custom", "tokenizer": "standard"}}}}
TAKEN = {"taken": True, "type": "", "reason": ""}


def described(url: str) -> Any:
    """The index as the engine tells of it; None: there is none. When it is refreshed says the gate."""
    found = requests.get(url, timeout=30)
    if found.status_code == 404:
        return None
    (index,) = found.json().values()
    index["settings"]["index"].pop("refresh_interval", None)
    return index


@pytest.fixture
def config(engine: Engine, gate: Gate, index_name: str) -> Iterator[Config]:
    """A stack whose index has an analyzer of its own, and is as it was at the end; no probe is left."""
    made = replace(read_environment(environment()), host=gate.url, index=index_name, settings=ANALYSIS)
    url = f"{engine.url}/{index_name}"
    body = {"mappings": PRESENT, "settings": ANALYSIS}
    requests.put(url, json=body, timeout=30).raise_for_status()
    before = described(url)
    yield made
    assert described(url) in (None, before)
    assert requests.head(f"{engine.url}/{probe_index(index_name)}", timeout=30).status_code == 404


def checked(config: Config, **event: Any) -> dict[str, Any]:
    return check(config, lambda: connect(config, AUTH), SystemClock(), event, CLEAN_UP + 60.0)


def properties(**fields: Any) -> dict[str, Any]:
    return {"properties": fields}


def test_a_mapping_that_adds_a_field_is_taken_by_the_index_too(config: Config) -> None:
    answer = checked(config, mapping=properties(n={"type": "long"}, more={"type": "flat_object"}))
    assert (answer["made"], answer["put"], answer["left"]) == (TAKEN, TAKEN, [])


def test_another_type_of_a_field_makes_an_index_and_is_not_taken_by_this_one(config: Config) -> None:
    answer = checked(config, mapping=properties(n={"type": "keyword"}))
    assert answer["made"] == TAKEN
    assert not answer["put"]["taken"]
    assert "cannot be changed from type [long] to [keyword]" in answer["put"]["reason"]


def test_a_mapping_that_the_engine_refuses_comes_with_its_words(config: Config) -> None:
    answer = checked(config, mapping=properties(x={"type": "text", "analyzer": "not-there"}))
    assert not answer["made"]["taken"]
    assert "analyzer [not-there] has not been configured" in answer["made"]["reason"]
    assert not answer["put"]["taken"]


def test_the_indexs_own_analyzers_are_known_whatever_the_stacks_settings_say(config: Config) -> None:
    mapping = properties(more={"type": "text", "analyzer": "own"})
    answer = checked(replace(config, settings=None), mapping=mapping)
    assert (answer["made"]["taken"], answer["put"]["taken"]) == (False, True)


@pytest.mark.parametrize("mapping", [None, PRESENT], ids=["default", "own"])
def test_without_a_mapping_the_stacks_is_checked(config: Config, mapping: Any) -> None:
    answer = checked(replace(config, mapping=mapping))
    assert (answer["given"], answer["made"], answer["put"]) == (False, TAKEN, TAKEN)


def test_what_searchsync_refuses_itself_is_not_sent(config: Config, gate: Gate) -> None:
    gate.inject(Fault(FaultKind.STATUS, path=".", status=500, count=None))
    refused: list[Any] = [{"_source": {"enabled": False}}, {"mappings": {}}, [], {"n": {"type": "long"}}]
    for mapping in refused:
        assert checked(config, mapping=mapping)["own"]


def test_an_index_that_is_missing_is_no_trouble(engine: Engine, config: Config) -> None:
    requests.delete(f"{engine.url}/{config.index}", timeout=30).raise_for_status()
    assert checked(config)["put"] is None


def test_a_collection_that_knows_a_new_index_late_is_waited_for(gate: Gate, config: Config) -> None:
    gate.behave(in_the_lab("classic"))
    try:
        answer = checked(config, mapping=properties(more={"type": "long"}))
    finally:
        gate.behave(Behaviours())
    assert (answer["made"], answer["put"], answer["left"]) == (TAKEN, TAKEN, [])


def test_a_role_that_may_not_is_told_what_it_needs(gate: Gate, config: Config) -> None:
    gate.inject(Fault(FaultKind.STATUS, path=probe_index(config.index) + "$", method="PUT", status=403, count=None))
    with pytest.raises(StackError, match="PUT /<probe>"):
        checked(config)


def test_what_cannot_be_deleted_is_said(engine: Engine, gate: Gate, config: Config) -> None:
    probe = probe_index(config.index)
    gate.inject(Fault(FaultKind.STATUS, path=probe + "$", method="DELETE", status=403, count=None))
    requests.delete(f"{engine.url}/{config.index}", timeout=30).raise_for_status()
    assert checked(config)["left"] == [f"DELETE /{probe}"]
    requests.delete(f"{engine.url}/{probe}", timeout=30).raise_for_status()


def test_an_index_of_the_probes_name_that_is_anothers_is_not_touched(engine: Engine, config: Config) -> None:
    url = f"{engine.url}/{probe_index(config.index)}"
    meta = {MARK: {"doctor": "other", "since": int(time.time())}}
    requests.put(url, json={"mappings": {"_meta": meta}}, timeout=30).raise_for_status()
    with pytest.raises(RunRefusedError, match="Another doctor"):
        checked(config)
    assert requests.head(url, timeout=30).status_code == 200
    requests.delete(url, timeout=30).raise_for_status()
