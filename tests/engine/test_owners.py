"""Whose an index is: one stack and one table write it, and nobody else until it is handed over. On a real engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from requests_aws4auth import AWS4Auth

from lab.gate import Gate
from searchsync.documents.document import KEY_FIELD
from searchsync.documents.index import Mark, Owner
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.errors import StackError
from searchsync.limits import ENSURED_FOR
from tests.engine.client import Client
from tests.support.events import OWNER, event, record
from tests.support.fakes import Bench

AUTH = AWS4Auth("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-central-1", "aoss")
OTHER = Owner("billing", OWNER.table)
OTHERS = [OTHER, Owner(OWNER.stack, OWNER.table.replace("lab-table", "Lab-Table"))]


class Stack(Bench):
    """A stack's sync function: real collection; clock, table and queue are the test's."""

    def __init__(self, gate: Gate, index: str, owner: Owner = OWNER, adopt: str | None = None, **made: Any) -> None:
        super().__init__()
        self.config = replace(
            self.config, host=gate.url, index=index, stack=owner.stack, table_arn=owner.table, adopt=adopt, **made
        )
        self.real = OpenSearchCollection(connect(self.config, AUTH), self.config, self.clock)
        self.index = self.real  # type: ignore[assignment]

    def put(self, key: str, number: int = 1) -> list[str]:
        """Write one record; what failed."""
        return self.run(event(record("INSERT", key, number=number)))


Found = Callable[[str], Any]


@pytest.fixture
def found(direct: Client, index_name: str) -> Found:
    return lambda key: direct.found(index_name, key)


def meta(direct: Client, index: str) -> dict[str, Any]:
    (about,) = direct.call("GET", f"/{index}/_mapping").json().values()
    kept: dict[str, Any] = about["mappings"]["_meta"]
    return kept


def owner(direct: Client, index: str) -> str:
    mark = meta(direct, index)["searchsync"]
    return f"{mark['stack']} {mark['table']}"


@pytest.mark.parametrize("other", OTHERS, ids=["another stack", "another table"])
def test_the_index_of_another_is_refused_by_both_names_and_nothing_is_written(
    gate: Gate, direct: Client, index_name: str, found: Found, other: Owner
) -> None:
    """F40: tables `Orders` and `orders`, or two stacks of one index name."""
    assert Stack(gate, index_name, other).put("a") == []
    intruder = Stack(gate, index_name)
    with pytest.raises(StackError, match="Nothing was written") as caught:
        intruder.run(event(record("REMOVE", "a", number=2), record("INSERT", "b", number=3)))
    for each in (other.stack, other.table, OWNER.stack, OWNER.table):
        assert each in str(caught.value)
    assert (bool(found("a")), found("b")) == (True, None)
    assert intruder.queue.messages == []
    assert owner(direct, index_name) == str(other)


def test_of_two_stacks_that_make_the_index_at_once_one_is_refused(
    gate: Gate, direct: Client, index_name: str, found: Found
) -> None:
    stacks = [Stack(gate, index_name), Stack(gate, index_name, OTHER)]

    def put(stack: Stack) -> str:
        try:
            assert stack.put(stack.config.stack) == []
        except StackError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(put, stacks))
    won = said.index("")
    assert "belongs to the stack" in said[1 - won]
    assert owner(direct, index_name) == str(stacks[won].config.owner)
    assert [bool(found(each.config.stack)) for each in stacks] == [won == 0, won == 1]


def test_an_index_is_handed_over_to_who_names_its_owner_and_the_former_one_is_refused(
    gate: Gate, direct: Client, index_name: str, found: Found
) -> None:
    before = Stack(gate, index_name, OTHER)
    assert before.put("a") == []
    with pytest.raises(StackError, match="belongs to the stack billing"):
        Stack(gate, index_name, adopt="nobody").put("b")
    with pytest.raises(StackError, match="belongs to the stack billing"):
        Stack(gate, index_name, adopt=str(replace(OTHER, stack="somebody"))).put("b")
    old = meta(direct, index_name)["searchsync"]["mark"]
    renamed = Stack(gate, index_name, adopt=str(OTHER))
    assert renamed.put("b") == []
    assert owner(direct, index_name) == str(OWNER)
    assert meta(direct, index_name)["searchsync"]["mark"] != old, "a verdict on the index falls with its owner"
    assert (bool(found("a")), bool(found("b"))) == (True, True)
    before.clock.time += ENSURED_FOR
    with pytest.raises(StackError, match="belongs to the stack sync"):
        before.put("c", 2)
    assert Stack(gate, index_name).put("d") == [], "the setting may go"


def test_an_index_of_an_older_version_is_taken_over_where_the_operator_says_so(
    gate: Gate, direct: Client, index_name: str
) -> None:
    older = {"mark": "m", "created": 7.0}
    direct.call("PUT", f"/{index_name}", {"mappings": {"_meta": {"team": "shop", "searchsync": older}}})
    with pytest.raises(StackError, match=r'older version .* index\.adopt = "nobody"'):
        Stack(gate, index_name).put("a")
    assert Stack(gate, index_name, adopt="nobody").put("a") == []
    assert (owner(direct, index_name), meta(direct, index_name)["team"]) == (str(OWNER), "shop")


def test_an_index_made_by_hand_is_adopted_with_its_analyzer_and_gets_the_keys_field(
    gate: Gate, direct: Client, index_name: str, found: Found
) -> None:
    """F56."""
    analysis = {"analyzer": {"folded": {"type": "standard", "stopwords": ["the"]}}}
    mappings = {
        "dynamic": "strict",
        "properties": {name: {"type": "text", "analyzer": "folded"} for name in ("id", "n")},
    }
    made = direct.call("PUT", f"/{index_name}", {"settings": {"analysis": analysis}, "mappings": mappings})
    assert made.ok, made.text
    with pytest.raises(StackError, match=r'index\.adopt = "nobody"'):
        Stack(gate, index_name).put("a")
    assert Stack(gate, index_name, adopt="nobody").put("a") == []
    (about,) = direct.call("GET", f"/{index_name}/_mapping").json().values()
    assert about["mappings"]["properties"][KEY_FIELD] == {"type": "long"}
    assert about["mappings"]["properties"]["n"]["analyzer"] == "folded"
    assert found("a")


@pytest.mark.parametrize("lost", [{"_source": {"enabled": False}}, {"_routing": {"required": True}}])
def test_an_index_that_would_lose_items_is_neither_adopted_nor_written(
    gate: Gate, direct: Client, index_name: str, lost: dict[str, Any]
) -> None:
    """F57: it was poison for every record."""
    assert direct.call("PUT", f"/{index_name}", {"mappings": lost}).ok
    with pytest.raises(StackError, match=f"cannot be taken over: take `{next(iter(lost))}`"):
        Stack(gate, index_name, adopt="nobody").put("a")
    ours = Stack(gate, index_name)
    marked = {"_meta": {"searchsync": Mark("m", 0.0, OWNER).as_member()}}
    assert direct.call("PUT", f"/{index_name}/_mapping", marked).ok
    with pytest.raises(StackError, match="cannot be kept in step"):
        ours.put("a")
    assert ours.queue.messages == []


def test_an_index_is_made_with_the_settings_that_are_given(gate: Gate, direct: Client, index_name: str) -> None:
    """F56: an analyzer without an index made by hand, the one of docs/mapping.md."""
    settings = {"analysis": {"analyzer": {"folded": {"type": "standard", "stopwords": ["the"]}}}}
    folded = {"properties": {"s": {"type": "text", "analyzer": "folded"}}}
    stack = Stack(gate, index_name, mapping=folded, settings=settings)
    assert stack.run(event(record("INSERT", "a", image={"id": {"S": "a"}, "s": {"S": "the shop"}}))) == []
    asked = {"field": "s", "text": "the shop"}
    tokens = direct.call("GET", f"/{index_name}/_analyze", asked).json()["tokens"]
    assert [each["token"] for each in tokens] == ["shop"]


def test_the_engines_reason_for_a_refused_mapping_is_told(gate: Gate, index_name: str) -> None:
    stack = Stack(gate, index_name, mapping={"properties": {"a": {"type": "text", "analyzer": "missing"}}})
    with pytest.raises(StackError, match=r"analyzer \[missing\] has not been configured.* index\.mapping"):
        stack.put("a")
    assert stack.queue.messages == []


def test_an_index_with_another_field_of_the_keys_name_is_not_adopted(
    gate: Gate, direct: Client, index_name: str, found: Found
) -> None:
    direct.call("PUT", f"/{index_name}", {"mappings": {"properties": {KEY_FIELD: {"type": "keyword"}}}})
    with pytest.raises(StackError, match=f"cannot be taken over: its field {KEY_FIELD}"):
        Stack(gate, index_name, adopt="nobody").put("a")
    assert found("a") is None
