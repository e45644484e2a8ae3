"""`make prove`, the documents' part: whatever an item holds, the engine answers it in time, or it is not sent.

python -m tests.support.prove_documents --documents 400 --seed 1

Items of every shape up to DynamoDB's 400 KB go to a real engine under mappings of every kind. A finding is an item that
is sent and not answered, answered 5xx, or refused only after SLOW seconds; or one that is not sent though the engine
takes it in that time. What is taken slowly is counted: it must not be refused. What names of very many characters do is
done by many of them together: they are not looked at one by one.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from lab.engine import Engine
from searchsync.documents.document import document_text
from searchsync.documents.fields import Fields
from searchsync.documents.index import DEFAULT_MAPPING
from searchsync.errors import ConversionError
from searchsync.limits import LONGEST_FIELD, LONGEST_PATH, MOST_MAPPED, NESTING
from searchsync.protocol.bulk import Write, lines

LARGEST_ITEM = 400_000
"""Bytes, nearly ("Constraints in Amazon DynamoDB": 400 KB)."""
LONGEST_NAME = 65_000
"""Characters of a name, nearly (the same page: 64 KB)."""
SLOW = 1.0
"""Seconds of the engine for one document: until it answers, or where the machine is busy those of its own CPU."""
TRIES = 4
"""Of one document before it counts as slow."""
LOOK_AGE_S = 1.1
"""The engine looks at its CPU time so often, and not more (`monitor.process.refresh_interval`, OpenSearch)."""
PATIENCE = 8.0
"""Seconds: what is not answered by then is not answered."""
DEADLY = 2 * LONGEST_PATH
"""Names of a path that is not sent past its refusal: the engine would lose a thread for it."""
MAPPINGS: tuple[Mapping[str, Any] | None, ...] = (
    None,
    {"dynamic": False},
    {"dynamic": "strict", "properties": {"m": {"type": "object", "dynamic": True}}},
    {"properties": {"m": {"type": "flat_object"}}},
    {"properties": {"m": {"type": "object", "enabled": False}, "n": {"type": "long"}}},
    {"properties": {"m": {"type": "nested"}, "n": {"type": "unsigned_long"}}},
)
Value = dict[str, Any]

NAMES = st.sampled_from(
    ["", ".", "a.", ".a", "a..b", " ", "a. .b", "\0", "_id", "_source", "*", '"\\', "é\u2028", "n", "m"]
)
"""Names that an engine may trip over, and plain ones."""
TEXTS = st.sampled_from(
    ["", "x", "\0", "\ufeff", "1e400", "1e999999999", "2026-01-01", "x" * 32_767, "😀" * 8_192, "1" * 99]
)
NUMBERS = st.sampled_from(["0", "-0", "1E+125", "-9.9999999999999999999999999999999999999E+125", "1E-130", "1" * 38])
SCALARS = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    NUMBERS.map(lambda digits: {"N": digits}),
    st.sampled_from([{"NULL": True}, {"BOOL": False}, {"B": "AAEC"}, {"L": []}, {"M": {}}, {"SS": ["a", "1"]}]),
)


@dataclass(frozen=True)
class Shape:
    """An item in a few numbers, so that Hypothesis has little to draw and little to shrink."""

    wide: int
    """Names side by side, or elements of a list."""
    dots: int
    """In each of these names."""
    letters: int
    """Before them."""
    deep: int
    """Maps or lists around them."""
    digits: int
    """Of a text beside them."""
    around: str
    """M or L."""
    same: bool
    """A list of equal members instead of names side by side."""
    name: str
    value: Value

    def image(self) -> dict[str, Value]:
        """The item; no larger than DynamoDB takes."""
        tail = "n" * self.letters + ".a" * self.dots
        size = 12 + len(tail) + len(json.dumps(self.value))
        count = max(1, min(self.wide, LARGEST_ITEM // size))
        if self.same:
            value: Value = {"L": [{"M": {f"n{tail}": self.value}}] * count}
        else:
            value = {"M": {f"n{number}{tail}": self.value for number in range(count)}}
        for _ in range(self.deep):
            value = {"L": [value]} if self.around == "L" else {"M": {self.name: value}}
        digits = min(self.digits, LARGEST_ITEM - size * count)
        return {"id": {"S": "a"}, "m": value, self.name: self.value} | (
            {"n": {"S": "1" * digits}} if digits > 0 else {}
        )


def _around(*bounds: int) -> st.SearchStrategy[int]:
    """Small numbers, and those at both sides of a bound."""
    return st.integers(0, 8) | st.sampled_from([each + by for each in bounds for by in (-1, 0, 1)])


SHAPES = st.builds(
    Shape,
    wide=_around(100, 900, 4_990, MOST_MAPPED) | st.integers(0, 2 * MOST_MAPPED),
    dots=_around(19, LONGEST_PATH - 2) | st.integers(0, DEADLY),
    letters=st.just(0) | _around(LONGEST_FIELD) | st.integers(0, LONGEST_NAME),
    deep=_around(19, NESTING - 2),
    digits=st.just(0) | st.integers(1, LARGEST_ITEM),
    around=st.sampled_from("ML"),
    same=st.booleans(),
    name=NAMES,
    value=SCALARS,
)


@dataclass
class Outcome:
    """What a search found: how documents ended, the slowest answer, and the first finding."""

    ended: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    finding: str = ""

    def lines(self) -> str:
        """As the command shows it."""
        ended = ", ".join(f"{count} {how}" for how, count in sorted(self.ended.items()))
        return f"{self.ended.total()} documents: {ended}; slowest answer {self.slowest_s:.2f} s"


class Unasked(Fields):
    """Fields that refuse nothing: to see what the engine says of what is not sent."""

    def check(self, text: str) -> None:
        """Nothing."""


@dataclass
class Search:
    """Sends documents to one engine and judges what comes of them."""

    url: str
    outcome: Outcome = field(default_factory=Outcome)
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def judge(self, image: Mapping[str, Value], mapping: Mapping[str, Any] | None) -> str:
        """How the document ended. Raises AssertionError where that is a finding."""
        try:
            text, refused = document_text(image, Fields(mapping)), ""
        except ConversionError as error:
            text, refused = document_text(image, Unasked()), str(error)
        deadly = f"over {LONGEST_PATH} names" in refused and text.count(".") > DEADLY
        if deadly or f"over {LONGEST_FIELD} characters" in refused:
            return "refused"
        index = self._index(mapping)
        try:
            status, seconds = self._send(index, text, 1)
            for attempt in range(2, TRIES + 1):
                if seconds <= SLOW:  # else it may be the machine; what was taken has its fields now
                    break
                before = self._cpu_s()
                status, _ = self._send(index, text, attempt)
                seconds = self._cpu_s() - before
        finally:
            self.session.delete(f"{self.url}/{index}", timeout=PATIENCE)
        taken = status in (200, 201)
        if refused:
            assert not (taken and seconds <= SLOW), f"refused, though taken in {seconds:.2f} s: {refused}"
            return "refused"
        self.outcome.slowest_s = max(self.outcome.slowest_s, seconds)
        assert status in range(200, 500), f"answered {status or 'not at all'} in {seconds:.2f} s"
        assert taken or seconds <= SLOW, f"answered {status} after {seconds:.2f} s only"
        return "answered 400" if not taken else "taken" if seconds <= SLOW else "taken slowly"

    def _index(self, mapping: Mapping[str, Any] | None) -> str:
        name = f"documents-{uuid4().hex[:12]}"
        body = {"mappings": DEFAULT_MAPPING if mapping is None else mapping, "settings": {"number_of_replicas": 0}}
        self.session.put(f"{self.url}/{name}", json=body, timeout=PATIENCE).raise_for_status()
        return name

    def _cpu_s(self) -> float:
        """Seconds of CPU that the engine has taken so far."""
        time.sleep(LOOK_AGE_S)
        nodes = self.session.get(f"{self.url}/_nodes/stats/process", timeout=PATIENCE).json()["nodes"]
        return sum(float(each["process"]["cpu"]["total_in_millis"]) for each in nodes.values()) / 1e3

    def _send(self, index: str, text: str, version: int) -> tuple[int | None, float]:
        """The status of the one item, None where no answer came; and the seconds it took."""
        body = lines(Write("a", version, text.encode()))
        began = time.monotonic()
        try:
            answer = self.session.post(
                f"{self.url}/{index}/_bulk",
                data=body,
                headers={"content-type": "application/x-ndjson"},
                timeout=PATIENCE,
            )
        except requests.RequestException:
            return None, time.monotonic() - began
        seconds = time.monotonic() - began
        items = answer.json().get("items") if answer.ok else None
        return (items[0]["index"]["status"] if items else answer.status_code), seconds


def search(url: str, documents: int, seed: int) -> Outcome:
    """Judge so many documents of one seed; the first finding, shrunk, is in the outcome."""
    looked = Search(url)

    @seeded(seed)
    @settings(
        max_examples=documents,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(SHAPES, st.sampled_from(MAPPINGS))
    def one(shape: Shape, mapping: Mapping[str, Any] | None) -> None:
        try:
            looked.outcome.ended[looked.judge(shape.image(), mapping)] += 1
        except AssertionError as error:
            looked.outcome.finding = f"{error}\n  {shape}\n  mapping {mapping}, seed {seed}"
            raise

    try:
        one()
    except AssertionError:
        assert looked.outcome.finding
    return looked.outcome


def main() -> int:
    """Run the search; 1 when it finds something."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.prove_documents", description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    with Engine.open(partial(print, flush=True)) as engine:
        found = search(engine.url, chosen.documents, seed)
    print(f"seed {seed}: {found.lines()}")
    if found.finding:
        print(found.finding)
    return 1 if found.finding else 0


if __name__ == "__main__":
    sys.exit(main())
