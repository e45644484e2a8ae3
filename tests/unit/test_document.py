"""Items to documents, keys to document ids."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsync.documents import values
from searchsync.documents.document import KEY_FIELD, document_fields, document_id, document_text, encode, index_key
from searchsync.errors import ConversionError, StackError
from searchsync.limits import KEYS, LONGEST_ID, LONGEST_KEPT, MOST_NAMES

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1).map(str) | st.decimals(
    allow_nan=False, allow_infinity=False, places=7, min_value=-(10**20), max_value=10**20
).map(str)
SCALARS = st.one_of(
    WORDS.map(lambda text: ({"S": text}, text)),
    NUMBERS.map(lambda text: ({"N": text}, Decimal(text))),
    st.booleans().map(lambda flag: ({"BOOL": flag}, flag)),
    st.just(({"NULL": True}, None)),
    st.just(({"B": "AAEC"}, "AAEC")),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda texts: ({"SS": texts}, texts)),
    st.lists(NUMBERS, min_size=1, max_size=3).map(lambda texts: ({"NS": texts}, [Decimal(text) for text in texts])),
    st.just(({"BS": ["AA==", "/w=="]}, ["AA==", "/w=="])),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda pairs: ({"L": [a for a, _ in pairs]}, [b for _, b in pairs])),
        st.dictionaries(WORDS, inner, max_size=3).map(
            lambda pairs: ({"M": {k: a for k, (a, _) in pairs.items()}}, {k: b for k, (_, b) in pairs.items()})
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_every_attribute_value_becomes_its_plain_json(pairs: dict[str, tuple[Any, Any]]) -> None:
    text = document_text({name: value for name, (value, _) in pairs.items()})
    assert "\n" not in text
    parsed = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert parsed == {name: plain for name, (_, plain) in pairs.items()}


@pytest.mark.parametrize(
    "number",
    ["9007199254740993.5", "12345678901234567890123456789012345678", "0.1000", "1E+30", "-0", "1e-130"],
)
def test_a_number_keeps_its_own_digits(number: str) -> None:
    assert document_text({"n": {"N": number}}) == f'{{"n":{number}}}'
    assert document_text({"n": {"NS": [number]}}) == f'{{"n":[{number}]}}'
    assert document_text({"n": {"L": [{"N": number}]}}) == f'{{"n":[{number}]}}'


def test_an_unknown_type_is_named_and_its_value_is_not() -> None:
    with pytest.raises(ConversionError, match="'X'") as caught:
        document_text({"a": {"X": "secret"}})
    assert "secret" not in str(caught.value)


def test_dots_in_values_are_no_names() -> None:
    assert json.loads(document_text({"s": {"S": "." * 1000}, "n": {"L": [{"N": "1.5"}] * 1000}}))["s"] == "." * 1000


def test_names_that_are_data_do_not_fill_the_memory() -> None:
    for number in range(MOST_NAMES + 10):
        assert json.loads(document_text({f"n{number}": {"S": "v"}})) == {f"n{number}": "v"}
    assert len(values.NAMES) <= MOST_NAMES


def test_long_names_are_not_kept() -> None:
    values.NAMES.clear()
    longest, longer = "n" * LONGEST_KEPT, "n" * (LONGEST_KEPT + 1)
    assert json.loads(document_text({longest: {"S": "v"}, longer: {"S": "w"}})) == {longest: "v", longer: "w"}
    assert list(values.NAMES) == [longest]


@pytest.mark.parametrize(
    ("key", "expected"),
    [({"S": "plain|text\\"}, "plain|text\\"), ({"N": "007.50"}, "007.50"), ({"B": "AAEC"}, "AAEC")],
)
def test_one_key_attribute_is_the_id_as_it_is(key: dict[str, str], expected: str) -> None:
    assert document_id({"id": key}, ("id",)) == expected


def test_two_key_attributes_stand_hash_key_first_whatever_their_order_in_the_record() -> None:
    keys = {"sort": {"N": "5"}, "hash": {"S": "a"}}
    assert document_id(keys, ("hash", "sort")) == "a|5"


def test_a_separator_inside_a_value_is_escaped() -> None:
    assert document_id({"h": {"S": "a|b\\"}, "r": {"S": "c"}}, ("h", "r")) == "a\\|b\\\\|c"


def test_no_two_keys_share_an_id() -> None:
    seed = 11
    print("seed", seed)
    rng = random.Random(seed)
    texts = ["".join(rng.choice("a|\\") for _ in range(rng.randint(1, 6))) for _ in range(400)]
    keys = {(rng.choice(texts), rng.choice(texts)) for _ in range(4000)}
    ids = {document_id({"h": {"S": first}, "r": {"S": second}}, ("h", "r")) for first, second in keys}
    assert len(ids) == len(keys)


@pytest.mark.parametrize(("length", "digested"), [(511, False), (512, False), (513, True)])
def test_an_id_over_512_bytes_is_its_digest(length: int, digested: bool) -> None:
    for text in ("x" * length, "é" * (length // 2) + "x" * (length % 2)):
        found = document_id({"id": {"S": text}}, ("id",))
        assert len(found.encode()) <= LONGEST_ID
        assert (found != text) is digested
        assert found.startswith("sha256:") is digested


def test_a_key_that_looks_like_a_digest_cannot_meet_one() -> None:
    long_id = document_id({"id": {"S": "x" * 600}}, ("id",))
    assert document_id({"id": {"S": long_id}}, ("id",)) != long_id


def test_keys_other_than_the_configured_ones_stop_the_batch() -> None:
    for keys in ({"pk": {"S": "a"}}, {"id": {"S": "a"}, "sk": {"S": "b"}}):
        with pytest.raises(StackError, match="KEY_ATTRIBUTES"):
            document_id(keys, ("id",))


@given(st.text(max_size=50))
def test_a_key_is_a_number_of_63_bits_that_the_id_alone_decides(name: str) -> None:
    assert 0 <= index_key(name) < KEYS
    assert index_key(name) == index_key(str(name))


def test_keys_stay_what_they_are_for_they_stand_in_documents() -> None:
    assert (index_key("a"), index_key("é")) == (2340832890917691671, 7317610273420446871)


def test_keys_are_spread_evenly() -> None:
    counts = [0] * 16
    for number in range(16_000):
        counts[index_key(f"item-{number:06d}") * 16 // KEYS] += 1
    assert all(850 < count < 1_150 for count in counts)


def test_a_document_holds_its_items_attributes_and_its_key() -> None:
    image = {"id": {"S": "a"}, "n": {"N": "1.50"}}
    assert encode("a", image) == b'{"id":"a","n":1.50,"%s":%d}' % (KEY_FIELD.encode(), index_key("a"))
    assert document_fields("a", image) == {**image, KEY_FIELD: {"N": str(index_key("a"))}}
    assert KEY_FIELD not in image


def test_an_attribute_with_the_name_of_the_key_is_poison_with_what_to_do() -> None:
    with pytest.raises(ConversionError, match=f"has an attribute {KEY_FIELD}: .* Rename the attribute"):
        encode("a", {"id": {"S": "a"}, KEY_FIELD: {"N": "1"}})
    assert encode("a", {"id": {"S": "a"}, "m": {"M": {KEY_FIELD: {"N": "1"}}}})  # below a map it is another field
