"""What leaves the function, whatever stands in an item: nothing of its contents, keys where they may be, one line.

The real clients (opensearch-py, botocore) talk to a loopback server that quotes in every answer what it was
sent; everything that is printed, logged at DEBUG, warned, raised or sent as a URL or header is looked through.
"""

from __future__ import annotations

import io
import json
import logging
import random
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests_aws4auth import AWS4Auth

from searchsync.clock import Backoff
from searchsync.config import read_environment
from searchsync.edges.collection import OpenSearchCollection, connect
from searchsync.edges.failures import FailureQueue
from searchsync.edges.table import DynamoTable
from searchsync.entry import OnFirstUse
from searchsync.errors import SearchsyncError, StackError, UnforeseenError
from searchsync.limits import GRANTED_WITHIN
from searchsync.sync.pipeline import Pipeline
from tests.support.events import environment, event, record
from tests.support.fakes import FakeClock
from tests.support.stub_services import Answer, Services, serving
from tests.support.talkative import ANSWERS, KEY, NAME, VALUE, working

AUTH = AWS4Auth("AKIAEXAMPLE", "secret", "eu-central-1", "aoss")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
PATHS = {"/", "/items", "/items/_bulk", "/items/_mapping", "/items/_mget"}

FRAGMENTS = (
    "\n", "\r\n", '"', "'", "\\", "\x00", "\x1b[31m", "\x1b]0;title\x07", "\x7f", "\x9b", "\u2028", "\u202e", "\ud800",
    "/../", "%2f", "%0a", "?refresh=true", "#", "&", "{}", "{0}", "%s", "${HOME}", "<script>", "|", "sha256:",
    "é", "🧨", "current version [9]", '"}}\n{"delete":{"_id":"other"}}\n', "x" * 3_000,
)  # fmt: skip
hostile = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=4).map("".join)


def around(mark: str) -> st.SearchStrategy[str]:
    return st.builds(lambda before, after: before + mark + after, hostile, hostile)


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to three records with hostile keys, names and values, one now and then of a type that nobody knows."""
    found = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        key = draw(around(KEY))
        value = {"S": draw(around(VALUE))}
        odd = {draw(around(VALUE)): draw(around(VALUE))}
        inner = draw(st.sampled_from([value, {"M": {draw(around(NAME)): value}}, {"SS": [draw(around(VALUE))]}, odd]))
        image = {"id": {"S": key}, draw(around(NAME)): inner}
        name = draw(st.sampled_from(["INSERT", "MODIFY", "REMOVE"]))
        found.append(record(name, key, number=number, image=None if name == "REMOVE" else image))
    return found


@dataclass
class Leavings:
    """What left the function in one invocation."""

    stdout: str
    stderr: str
    logged: str
    warned: str
    raised: BaseException | None
    heads: str

    @property
    def beside_the_line(self) -> str:
        chain = "" if self.raised is None else "".join(traceback.format_exception(self.raised))
        return "\n".join([self.stderr, self.logged, self.warned, chain, self.heads])


class Context:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 90_000


class Bench:
    """The function with its real clients, all of them at one loopback server."""

    def __init__(self, services: Services) -> None:
        from searchsync import handler  # noqa: PLC0415 - it starts when it is imported, from the environment

        self.services = services
        self.invoke = handler.invoke
        self.table, self.queue = OnFirstUse("dynamodb", "eu-central-1"), OnFirstUse("sqs", "eu-central-1")

    def pipeline(self, log_keys: str) -> Pipeline:
        url = self.services.url
        config = read_environment(
            environment(OPENSEARCH_HOST=url, LOG_KEYS=log_keys, FAILURE_QUEUE_URL=f"{url}/1/failures")
        )
        clock = FakeClock()
        self.services.now = clock.now
        backoff = Backoff(clock, random.Random(7))
        collection = OpenSearchCollection(connect(config, AUTH), config, clock)
        collection._used_since = clock.monotonic() - GRANTED_WITHIN  # a refusal is a fault
        return Pipeline(
            config,
            collection,
            DynamoTable(self.table, config.table_arn, config.key_attributes, clock, backoff),
            FailureQueue(self.queue, config.failure_queue_url),
            clock,
            backoff,
        )

    def run(self, answer: Answer, given_event: object, log_keys: str, pipeline: Pipeline | None = None) -> Leavings:
        self.services.answer = answer
        self.services.heads.clear()
        stdout, stderr, logged = io.StringIO(), io.StringIO(), io.StringIO()
        handler, root = logging.StreamHandler(logged), logging.getLogger()
        level, raised = root.level, None
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with redirect_stdout(stdout), redirect_stderr(stderr), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                logging.getLogger("test").debug("the log is listened to")
                self.invoke(pipeline or self.pipeline(log_keys), json.loads(json.dumps(given_event)), Context())
        except SearchsyncError as error:
            raised = error
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        assert "the log is listened to" in logged.getvalue()
        warned = "\n".join(str(each.message) for each in caught)
        heads = "\n".join(self.services.heads)
        return Leavings(stdout.getvalue(), stderr.getvalue(), logged.getvalue(), warned, raised, heads)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with serving() as services, pytest.MonkeyPatch.context() as patch:
        for name, value in (environment() | CREDENTIALS).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", services.url)
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield Bench(services)


def look_through(left: Leavings, log_keys: str) -> dict[str, Any]:
    """The log line, after all that left the function was looked through."""
    assert left.stdout.count("\n") == 1
    assert left.stdout.endswith("\n")
    text = left.stdout[:-1]
    assert text.isascii()
    assert text.isprintable()
    line: dict[str, Any] = json.loads(text)
    if left.raised is not None:
        assert str(left.raised).isprintable()
        assert line["error"] == str(left.raised) or isinstance(left.raised, UnforeseenError)
    documents = [each.pop("document") for each in line["records"]]
    for mark in (VALUE, NAME):
        assert mark not in text
    for mark in (KEY, VALUE, NAME):
        assert mark not in json.dumps(line)
        assert mark not in left.beside_the_line
    if log_keys == "hashed":
        assert KEY not in text
    assert all(len(name) == 64 for name in documents) or log_keys == "plain"
    return line


@pytest.mark.parametrize("kind", ANSWERS)
@settings(max_examples=8)
@given(batch=records(), log_keys=st.sampled_from(["plain", "hashed"]))
def test_nothing_of_an_item_leaves_the_function(
    bench: Bench, kind: str, batch: list[dict[str, Any]], log_keys: str
) -> None:
    left = bench.run(ANSWERS[kind], event(*batch), log_keys)
    look_through(left, log_keys)
    assert bench.services.paths <= PATHS


REACHED: dict[str, Callable[[dict[str, Any]], bool]] = {
    "done": lambda line: line["DocumentsWritten"] == 1,
    "poison": lambda line: line["poison"][0]["error_type"] == "mapper_parsing_exception",
    "poison of a type that quotes": lambda line: line["poison"][0]["error_type"] == "http_400",
    "too large": lambda line: line["Poison"] == 1,
    "every request too large": lambda line: "is refused: 413" in line["error"],
    "busy": lambda line: line["busy"] == "429 circuit_breaking_exception",
    "stack": lambda line: "403 security_exception" in line["error"],
    "a redirection": lambda line: "307 without a type" in line["error"],
    "items that do not fit": lambda line: "does not fit the 1 writes" in line["error"],
    "conflict with an older one": lambda line: line["Poison"] == 1,
    # The stub says of no document that it is there, and the tombstone of a table read is not believed.
    "conflict with a table read": lambda line: line["Stale"] == 0,
    "conflict from the future": lambda line: line["FutureVersions"] == 1,
    "no index": lambda line: "index_not_found_exception" in line["error"],
    "an index of somebody else": lambda line: "was not made by searchsync" in line["error"],
    "an index that is refused": lambda line: "405" in line["error"],
    "a table that refuses": lambda line: "refused a read: ClientError" in line["error"],
    "a table that is busy": lambda line: "were not read" in line["busy"],
    "a table without the key": lambda line: line["error"].startswith("KeyError at "),
    "a queue that refuses all": lambda line: "refused 1 messages (ClientError)" in line["error"],
    "a queue that refuses each": lambda line: "refused 1 messages" in line["error"],
}


@pytest.mark.parametrize("kind", REACHED)
def test_each_answer_leads_where_it_should(bench: Bench, kind: str) -> None:
    left = bench.run(ANSWERS[kind], event(record("INSERT", KEY, number=1)), "plain")
    line = look_through(left, "plain")
    assert REACHED[kind](line), line


@settings(max_examples=30)
@given(name=around(NAME), key=around(KEY))
def test_keys_that_are_not_the_tables_are_named_and_escaped(bench: Bench, name: str, key: str) -> None:
    strange = record("INSERT", "a", number=1)
    strange["dynamodb"]["Keys"] = {name: {"S": key}}
    left = bench.run(working, event(strange), "hashed")
    assert isinstance(left.raised, StackError)
    assert str(left.raised).isprintable()
    assert len(str(left.raised)) < 1_500
    assert KEY not in left.stdout + left.beside_the_line
    assert left.stdout.count("\n") == 1


@settings(max_examples=30)
@given(arn=around("ARNMARK"))
def test_a_stream_of_another_table_is_named_and_escaped(bench: Bench, arn: str) -> None:
    left = bench.run(working, event(record("INSERT", "a", number=1, stream_arn=arn)), "plain")
    assert isinstance(left.raised, StackError)
    look_through(left, "plain")


@settings(max_examples=30)
@given(batch=records())
def test_an_unforeseen_exception_takes_nothing_along(bench: Bench, batch: list[dict[str, Any]]) -> None:
    class Exploding(OpenSearchCollection):
        def bulk(self, body: bytes, timeout: float, begin_within: float = 0.0) -> Any:
            raise ValueError(body.decode())

    pipeline = bench.pipeline("hashed")
    exploding = Exploding(connect(pipeline.config, AUTH), pipeline.config, pipeline.clock)
    broken = Pipeline(pipeline.config, exploding, pipeline.table, pipeline.failures, pipeline.clock, pipeline.backoff)
    left = bench.run(working, event(*batch), "hashed", broken)
    look_through(left, "hashed")


@settings(max_examples=30)
@given(position=st.integers(0, 3), junk=around(VALUE))
def test_an_event_of_another_shape_is_not_quoted(bench: Bench, position: int, junk: str) -> None:
    shapes = [
        junk,
        {"Records": junk},
        {"Records": [junk]},
        {"Records": [{"dynamodb": {junk: junk}, "eventName": junk}]},
    ]
    left = bench.run(working, shapes[position], "plain")
    assert isinstance(left.raised, SearchsyncError)
    look_through(left, "plain")
