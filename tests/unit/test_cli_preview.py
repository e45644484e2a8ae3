"""`searchsync preview`: which form an item is taken in, what is shown, and the exit code."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from searchsync.documents.document import document_text
from searchsync.documents.values import TYPES as CONVERTED
from searchsync.limits import MOST_DIGITS as LIMIT
from searchsync_cli.exits import Exit
from searchsync_cli.items import DYNAMODB, MOST_DIGITS, PLAIN, TYPES, attributes_in, difference, exact, pretty
from tests.support.cli_cloud import NAME, Cloud
from tests.support.fakes import FakeClock

BASE: Mapping[str, Any] = {
    "id": "a", "index": "orders", "item": True, "read_version": 7, "document": '{"id":"a","n":1.50}', "poison": None,
}  # fmt: skip
INDEXED = {"document": '{"id":"a","n":2}', "version": 8, "second": 1_800_000_000, "by_read": False}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(FakeClock(float(int(time.time()))))


def answers(cloud: Cloud, **changed: Any) -> list[Any]:
    """What the function answers. Returns the events that it gets."""
    events: list[Any] = []

    def run(event: Any) -> Any:
        events.append(event)
        return {**BASE, **changed}

    cloud.functions[f"{NAME}-reconcile"] = run
    return events


def test_the_types_and_digits_are_those_of_the_function() -> None:
    assert set(TYPES) == set(CONVERTED)
    assert MOST_DIGITS == LIMIT


# An item as text

DIGITS = "0.12345678901234567890123456789012345678"
TYPED = {
    "id": {"S": "a"}, "n": {"N": DIGITS}, "b": {"B": "AAEC"}, "t": {"BOOL": True}, "z": {"NULL": True},
    "m": {"M": {"x": {"L": [{"N": "1"}, {"S": ""}]}}}, "s": {"SS": ["a"]}, "ns": {"NS": ["1", "2.0"]}, "e": {"L": []},
}  # fmt: skip


@pytest.mark.parametrize("text", [json.dumps(TYPED), json.dumps({"Item": TYPED, "ConsumedCapacity": {"x": 1}})])
def test_dynamodbs_form_is_known_by_its_types(text: str) -> None:
    assert attributes_in(text) == (DYNAMODB, TYPED)


def test_plain_json_keeps_every_digit() -> None:
    text = f'{{"id":"a","n":{DIGITS},"m":{{"x":[1E5,null,true,"é"]}},"Item":{{"S":1,"N":2}}}}'
    form, attributes = attributes_in(text)
    assert form == PLAIN
    assert attributes["n"] == {"N": DIGITS}
    assert document_text(attributes) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "no JSON object"),
        ("{}", "no JSON object"),
        ('{"n":NaN}', "NaN is no JSON"),
        ('{"n":1e9999}', "n is no number"),
        (f'{{"n":{"1" * (MOST_DIGITS + 1)}}}', "n is no number"),
        ('{"s":"\\ud800"}', "surrogates"),
        ('{"id":{"S":5}}', "id is no value of the type S"),
        ('{"n":{"N":5}}', "in quotes"),
        ('{"n":{"N":"007"}}', "n is no number"),
        ('{"b":{"B":"%"}}', "no base64"),
        ('{"m":{"M":{"x":1}}}', "m.x is no attribute value"),
        ('{"s":{"SS":[]}}', "type SS"),
        ('{"t":{"BOOL":"true"}}', "type BOOL"),
    ],
)
def test_what_is_no_item_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        attributes_in(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=9).filter(lambda text: text.isprintable()) | st.integers(-99, 99),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=9,
)


@given(st.dictionaries(st.text("abc", max_size=2), VALUES, min_size=1))
def test_lines_say_the_same_as_the_text(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    assert json.loads("\n".join(pretty(exact(text)))) == value
    assert pretty(exact(text)) == json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    assert pretty(exact(text), ordered=True) == json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).split(
        "\n"
    )


def test_a_number_is_shown_with_its_own_digits() -> None:
    assert pretty(exact(f"[{DIGITS},1.50,1E5]")) == ["[", f"  {DIGITS},", "  1.50,", "  1E5", "]"]


def test_what_does_not_differ_is_no_line_of_the_difference() -> None:
    indexed, wanted = exact('{"a":1.0,"s":["y","x"],"n":1}'), exact('{"s":["x","y"],"n":2,"a":1}')
    changed = [line for line in difference(indexed, wanted, ["n"]) if line[0] in "+-"]
    assert changed == ["--- in the index", "+++ of the item", '-  "n": 1,', '+  "n": 2,']
    assert difference(None, None, []) == []
    assert difference(indexed, indexed, []) == []


# The command


def item_file(folder: Path, text: str = '{"id": "a", "n": 1.50}') -> str:
    path = folder / "item.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_document_is_shown_with_its_id_index_and_version_rule(cloud: Cloud, tmp_path: Path) -> None:
    events = answers(cloud)
    assert cloud.run("preview", "--item", item_file(tmp_path)) == Exit.DONE
    assert '{\n  "id": "a",\n  "n": 1.50\n}' in cloud.out
    assert "a stream record's by its own second" in cloud.out
    assert "taken as plain JSON" in cloud.err
    assert events == [{"step": "preview", "diff": False, "item": {"id": {"S": "a"}, "n": {"N": "1.50"}}}]


def test_standard_input_is_read_as_utf_8_whatever_the_terminals_encoding(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = answers(cloud)
    content = io.BytesIO('\ufeff{"id": {"S": "é"}}'.encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content, encoding="latin-1"))
    assert cloud.run("preview", "--item", "-") == Exit.DONE
    assert events[0]["item"] == {"id": {"S": "é"}}
    assert "taken as DynamoDB JSON" in cloud.err


@pytest.mark.parametrize(
    ("key", "given"),
    [("a|b", "a|b"), ("5", "5"), ('{"id": "a"}', {"id": {"S": "a"}}), ('{"id": {"B": "AA=="}}', {"id": {"B": "AA=="}}),
     ("{x", "{x"), ('"a"', '"a"')],
)  # fmt: skip
def test_a_key_is_an_id_or_its_attributes(cloud: Cloud, key: str, given: Any) -> None:
    events = answers(cloud)
    assert cloud.run("preview", "--key", key) == Exit.DONE
    assert events == [{"step": "preview", "diff": False, "key": given}]


@pytest.mark.parametrize(
    "words",
    [(), ("--item", "x", "--key", "a"), ("--item", "no-such-file"), ("--item", "."), ("--key", '{"id": {"N": 5}}')],
    ids=" ".join,
)
def test_what_names_no_item_is_an_error(cloud: Cloud, words: tuple[str, ...]) -> None:
    assert not answers(cloud)
    assert cloud.run("preview", *words) == Exit.ERROR


@pytest.mark.parametrize("text", ["[" * 100_000, "not JSON", "\udcff"], ids=["deep", "text", "bytes"])
def test_a_file_without_an_item_is_an_error_that_names_it(cloud: Cloud, tmp_path: Path, text: str) -> None:
    answers(cloud)
    (tmp_path / "item.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert cloud.run("preview", "--item", str(tmp_path / "item.json"), width=400) == Exit.ERROR
    assert "item.json" in cloud.err
    assert "fault of searchsync" not in cloud.err


def test_poison_is_said_with_its_reason(cloud: Cloud) -> None:
    answers(cloud, document=None, poison="The item has names for over 5000 fields\x1b[0m.")
    assert cloud.run("preview", "--key", "a") == Exit.LEFT
    assert "✗ Poison  The item has names for over 5000 fields\\u001b[0m." in cloud.out


def test_a_key_without_an_item_is_said(cloud: Cloud) -> None:
    answers(cloud, item=False, document=None)
    assert cloud.run("preview", "--key", "a") == Exit.LEFT
    assert "no item of this key" in cloud.out


def test_an_item_that_the_condition_leaves_out_is_said(cloud: Cloud) -> None:
    answers(cloud, document=None)
    assert cloud.run("preview", "--key", "a") == Exit.LEFT
    assert "is to have no document, by `document.when`" in cloud.out


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"indexed": {**INDEXED, "document": BASE["document"]}, "kind": None, "differs": []}, Exit.DONE, "✓ The index"),
        ({"indexed": INDEXED, "kind": "different", "differs": ["n"]}, Exit.LEFT, '-  "n": 2'),
        ({"indexed": None, "kind": "missing", "differs": []}, Exit.LEFT, '+  "n": 1.50'),
        (
            {"indexed": INDEXED, "kind": "orphan", "differs": [], "item": False, "document": None},
            Exit.LEFT,
            "no item of this key",
        ),
        ({"indexed": None, "kind": None, "differs": [], "item": False, "document": None}, Exit.DONE, "✓ Neither"),
        ({"indexed": None, "kind": None, "differs": [], "document": None}, Exit.DONE, "no document either"),
        ({"indexed": INDEXED, "kind": "orphan", "differs": [], "document": None}, Exit.LEFT, "`document.when`"),
        (
            {"indexed": INDEXED, "kind": "different", "differs": ["n"], "document": None, "poison": "Too wide."},
            Exit.LEFT,
            "Too wide.",
        ),
        ({"indexed": {**INDEXED, "second": 2**32, "by_read": True}, "kind": "different", "differs": ["n"]}, 1, "2106"),
        ({"indexed": {**INDEXED, "second": 2**60}, "kind": "different", "differs": ["n"]}, Exit.LEFT, "second 11529"),
    ],
    ids=["same", "different", "missing", "orphan", "neither", "left out", "left in", "poison", "read", "foreign"],
)  # fmt: skip
def test_a_difference_is_shown_and_is_the_exit_code(
    cloud: Cloud, changed: dict[str, Any], code: Exit, said: str
) -> None:
    events = answers(cloud, **changed)
    assert cloud.run("preview", "--key", "a", "--diff") == code
    assert said in cloud.out
    assert events[0]["diff"] is True
    assert ("searchsync repair --name" in cloud.out) is ("--- in the index" in cloud.out)


def test_a_long_line_is_not_broken_on_a_narrow_terminal(cloud: Cloud) -> None:
    answers(cloud, document=json.dumps({"text": "x" * 300}))
    assert cloud.run("preview", "--key", "a", width=40) == Exit.DONE
    assert f'  "text": "{"x" * 300}"\n' in cloud.out


def test_machines_get_the_documents_text_with_every_digit(cloud: Cloud) -> None:
    answers(cloud, indexed=INDEXED, kind="different", differs=["n"])
    assert cloud.run("preview", "--key", "a", "--diff", "--json") == Exit.LEFT
    found = json.loads(cloud.out)
    assert found["document"] == BASE["document"]
    assert found["diff"][0] == "--- in the index"


def test_an_older_module_is_told(cloud: Cloud) -> None:
    cloud.functions[f"{NAME}-reconcile"] = lambda _: {}
    assert cloud.run("preview", "--key", "a", width=400) == Exit.ERROR
    assert "older module" in cloud.err
