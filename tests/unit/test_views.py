"""Several indexes from one table: each decides for itself, by the same records, in one request with one checkpoint."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_aws4auth import AWS4Auth

from searchsync.config import Config, read_environment
from searchsync.documents.index import take_guard
from searchsync.documents.view import name_of
from searchsync.edges.collection import Guard, OpenSearchCollection, connect
from searchsync.edges.views import Indexes
from searchsync.errors import ConfigurationError, StackError
from searchsync.limits import ENSURED_FOR, MOST_VIEWS, REPAIR_AGE
from searchsync.reconcile.report import settled_lines
from searchsync.sync.delivery import PROBE
from searchsync.sync.metrics import MADE_ANEW, log_line, repair_line, view_lines
from searchsync.sync.resync import Result
from tests.support.events import NOW, OWNER, environment, event, number, record, version
from tests.support.fakes import BUSY, FAILING, GUARDED, POISONED, Bench, FakeClock, error, whole
from tests.support.redrive_harness import RedriveBench, answer, poison_message
from tests.support.stub_services import Reply, Services, serving

OPEN = json.dumps({"state": ["open"]})
PRODUCTS = json.dumps({"id": [{"prefix": "product-"}]})


def configured(**views: dict[str, Any]) -> Config:
    return read_environment(environment(VIEWS=json.dumps(views)))


def open_ones(**document: Any) -> Config:
    """Of all items, and of the open ones without their notes, an index each."""
    document = {"when": OPEN, "exclude": ["note"], **document}
    return configured(open={"index": "open-items", "document": document})


def item(state: str, key: str = "a", **attributes: str) -> dict[str, Any]:
    return {"id": {"S": key}, "state": {"S": state}, **{name: {"S": value} for name, value in attributes.items()}}


def put(state: str, position: int, key: str = "a", **attributes: str) -> dict[str, Any]:
    return record("MODIFY", key, number=position, image=item(state, key, **attributes))


def heads(body: bytes) -> list[dict[str, Any]]:
    """The targets of a bulk body's actions."""
    return [next(iter(each.values())) for each in map(json.loads, body.splitlines()) if "id" not in each]


IN_ITEMS, IN_OPEN = name_of("items", "a"), name_of("open-items", "a")


def test_an_item_is_in_each_view_whose_condition_it_meets_in_its_shape_and_one_request_writes_them() -> None:
    bench = Bench(config=open_ones())
    assert bench.run(event(put("open", 1, note="secret"))) == []
    assert bench.index.documents == {
        IN_ITEMS: (version(1), whole(id="a", state="open", note="secret")),
        IN_OPEN: (version(1), whole(id="a", state="open")),
    }
    (body,) = bench.index.bodies
    assert [each["_index"] for each in heads(body)] == ["items", "open-items"]


def test_an_item_enters_and_leaves_a_view_in_the_order_of_its_changes() -> None:
    bench = Bench(config=open_ones())
    bench.run(event(put("draft", 1)))
    assert bench.index.documents.keys() == {IN_ITEMS}
    bench.run(event(put("open", 3)))
    assert bench.index.documents[IN_OPEN] == (version(3), whole(id="a", state="open"))
    bench.run(event(put("closed", 4)))
    assert bench.index.documents.keys() == {IN_ITEMS}
    bench.run(event(record("REMOVE", "a", number=5)))
    assert bench.index.documents == {}
    assert bench.index.tombstones == {IN_ITEMS: version(5), IN_OPEN: version(5)}


def test_a_condition_on_keys_alone_costs_no_write_where_it_is_not_met() -> None:
    bench = Bench(config=configured(products={"index": "products", "document": {"when": PRODUCTS}}))
    bench.run(event(put("open", 1, "product-1"), record("REMOVE", "order-1", number=2)))
    assert [(each["_index"], each["_id"]) for each in heads(bench.index.bodies[0])] == [
        ("items", "product-1"),
        ("products", "product-1"),
        ("items", "order-1"),
    ]
    assert bench.report.results == {Result.WRITTEN: 2, Result.DELETED: 1, Result.FILTERED: 1}
    line = json.loads(log_line(bench.report, bench.config, NOW, "r"))
    assert (line["Filtered"], [each["document"] for each in line["records"]]) == (1, ["product-1", "order-1"])


def test_what_one_view_refuses_is_poison_of_that_index_and_is_written_to_the_others() -> None:
    bench = Bench(config=open_ones())
    bench.index.item_fault = lambda _, name: POISONED if name == IN_OPEN else None
    assert bench.run(event(put("open", 1))) == []
    assert bench.index.documents.keys() == {IN_ITEMS}
    assert [(each["index"], each["key"]) for each in bench.queue.messages] == [("open-items", {"id": {"S": "a"}})]


def test_what_one_view_cannot_convert_is_poison_of_that_index_and_is_written_to_the_others() -> None:
    bench = Bench(config=open_ones(rename={"state": "kind"}))
    image = {**item("open"), "kind": {"S": "two values of one name"}}
    assert bench.run(event(record("INSERT", "a", image=image))) == []
    assert bench.index.documents.keys() == {IN_ITEMS}
    assert [each["index"] for each in bench.queue.messages] == ["open-items"]


def test_a_record_that_fails_in_one_view_is_the_batchs_failure_and_comes_again_to_all() -> None:
    bench = Bench(config=open_ones(), remaining=20.0)
    bench.index.item_fault = lambda _, name: BUSY if name == IN_OPEN else None
    batch = event(put("open", 1, "before"), put("open", 2), put("draft", 3, "behind"))
    assert bench.run(batch) == [number(2)]
    bench.index.item_fault = None
    assert bench.run(batch) == []
    assert bench.index.documents[IN_OPEN] == (version(2), whole(id="a", state="open"))
    assert bench.report.results[Result.DUPLICATE] > 0


def test_a_document_that_a_view_never_takes_is_tried_beside_a_probe_of_its_own_index() -> None:
    bench = Bench(config=open_ones())
    bench.index.item_fault = lambda _, name: FAILING if name == IN_OPEN else None
    assert bench.run(event(put("open", 1))) == []
    assert [each["index"] for each in bench.queue.messages] == ["open-items"]
    probes = [each for body in bench.index.bodies for each in heads(body) if each["_id"] == PROBE.id]
    assert {each["_index"] for each in probes} == {"open-items"}


def test_a_key_that_several_views_ask_for_is_read_once() -> None:
    bench = Bench(config=open_ones())
    bench.table.items["a"] = item("open")
    assert bench.run(event(record("MODIFY", "a", second=None, image=item("draft")))) == []
    assert [keys for _, keys in bench.table.reads] == [["a"]]
    assert bench.index.documents.keys() == {IN_ITEMS, IN_OPEN}


def test_what_one_view_has_newer_is_left_there() -> None:
    bench = Bench(config=open_ones())
    bench.index.documents[IN_OPEN] = (version(9), {"newer": True})
    assert bench.run(event(record("MODIFY", "a", second=NOW - 60, image=item("open")))) == []
    assert bench.index.documents == {
        IN_ITEMS: (version(1, NOW - 60), whole(id="a", state="open")),
        IN_OPEN: (version(9), {"newer": True}),
    }
    assert bench.table.reads == []


def test_a_redrive_brings_a_key_in_step_in_all_views_with_one_read() -> None:
    bench = RedriveBench(config=open_ones())
    bench.table.items["a"] = item("open", note="secret")
    bench.queue.put(poison_message("a"))
    assert bench.run() == answer(taken=1, redriven=1, keys=1)
    assert {name: each[1] for name, each in bench.index.documents.items()} == {
        IN_ITEMS: whole(id="a", state="open", note="secret"),
        IN_OPEN: whole(id="a", state="open"),
    }
    assert len(bench.table.reads) == 1


def test_a_message_stays_while_one_view_refuses_its_key() -> None:
    bench = RedriveBench(config=open_ones())
    bench.table.items["a"] = item("open")
    bench.index.item_fault = lambda _, name: POISONED if name == IN_OPEN else None
    bench.queue.put(poison_message("a"))
    reasons = {"mapper_parsing_exception": 1}
    assert bench.run() == answer(taken=1, stayed=1, keys=1, reasons=reasons)
    assert bench.index.documents.keys() == {IN_ITEMS}


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["", "a", "a-b"]), st.sampled_from(["", "a", "a-b"]))
def test_documents_of_two_views_never_have_one_name(one: str, two: str, index: str, other: str) -> None:
    same = (one, index) == (two, other)
    assert (
        (name_of(index, one) == name_of(other, two)) == same or one.startswith("sha256:") or two.startswith("sha256:")
    )


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ("[]", "as a JSON object by their names"),
        ("not JSON", "as a JSON object by their names"),
        (
            json.dumps({f"v{each}": {"index": f"v{each}"} for each in range(MOST_VIEWS + 1)}),
            f"up to {MOST_VIEWS} views",
        ),
        ('{"Open": {"index": "x"}}', "the view 'Open': a view's name has lower case"),
        ('{"open": {}}', "the view 'open': an index name has"),
        ('{"open": {"index": "items"}}', "items: each view has an index of its own"),
        ('{"a": {"index": "x"}, "b": {"index": "x"}}', "x: each view has an index of its own"),
        ('{"open": {"index": "x", "mappings": {}}}', "the view 'open': give index, mapping"),
        (
            '{"open": {"index": "x", "mapping": {}}}',
            "the view 'open': give index, mapping, settings and adopt as texts",
        ),
        ('{"open": {"index": "x", "mapping": "[]"}}', "the view 'open': give the index mapping"),
        ('{"open": {"index": "x", "document": {"when": "{}"}}}', "the view 'open': "),
        ('{"open": {"index": "x", "document": []}}', "the view 'open': give the shape"),
        ('{"open": {"index": "x", "adopt": "me"}}', "the view 'open': give nobody"),
    ],
)
def test_a_view_that_cannot_be_is_refused_at_start_with_its_name(views: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match="VIEWS is ") as refused:
        read_environment(environment(VIEWS=views))
    assert said in str(refused.value)


def test_views_come_compressed_too_with_every_digit_of_their_constants() -> None:
    views = '{"open": {"index": "x", "mapping": "{}", "document": {"constants": {"n": 1.10000000000000000000001}}}}'
    packed = base64.b64encode(gzip.compress(views.encode())).decode()
    (view,) = read_environment(environment(VIEWS=packed)).views
    assert (view.view, view.index, view.mapping, view.views) == ("open", "x", {}, ())
    assert view.shape.constants == (("n", {"N": "1.10000000000000000000001"}),)


@pytest.mark.parametrize("name", ["-a", "a-", "a--b", "A", "a" * 21, "a-a" * 7, "a_b"])
def test_a_views_own_function_refuses_a_name_that_none_has(name: str) -> None:
    with pytest.raises(ConfigurationError, match="VIEW is "):
        read_environment(environment(VIEW=name))
    assert read_environment(environment(VIEW="a-1")).view == "a-1"


def test_that_a_repair_is_needed_is_told_of_each_view_and_settled_by_its_own_runs() -> None:
    config = open_ones()
    old = Bench(config=config)
    old.run(event(record("MODIFY", "a", second=NOW - REPAIR_AGE - 10)))
    assert "RepairNeeded" in json.loads(log_line(old.report, config, NOW, "r"))
    (line,) = map(json.loads, view_lines(old.report.repair_needed, config, NOW))
    (view,) = config.views
    told = json.loads(repair_line(view, NOW, "sync"))
    (settled,) = map(json.loads, settled_lines(["sync"], view, NOW))
    for each, needed in ((line, 1), (told, 1), (settled, 0)):
        (metrics,) = each["_aws"]["CloudWatchMetrics"]
        assert metrics["Dimensions"] == [["FunctionName", "View"]]
        assert (each["FunctionName"], each["View"], each["RepairNeeded"]) == ("sync", "open", needed)
    assert view_lines([MADE_ANEW], config, NOW) == [], "the first one's index says nothing of another's"
    assert json.loads(repair_line(config, NOW, "sync"))["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [
        ["FunctionName"]
    ]


# On HTTP: the edge


@pytest.fixture
def services() -> Iterator[Services]:
    with serving() as opened:
        yield opened


def mapped(owner: Any = OWNER) -> Reply:
    mark = {"mark": "m", "created": 1.0, "stack": owner.stack, "table": owner.table}
    return Reply(200, {"i": {"mappings": {"_meta": {"searchsync": mark}}}})


def real(services: Services, clock: FakeClock) -> Bench:
    """A pipeline of two views whose indexes are real edges."""
    views = json.dumps({"open": {"index": "open-items", "document": {"when": OPEN}}})
    config = read_environment(environment(OPENSEARCH_HOST=services.url, VIEWS=views))
    client = connect(config, AWS4Auth("AKIAEXAMPLE", "secret", "eu-central-1", "aoss"))
    guard = Guard()
    bench = Bench(config=config, clock=clock)
    indexes = {each.index: OpenSearchCollection(client, each, clock, None, guard) for each in config.every}
    bench.index = Indexes(indexes, clock)  # type: ignore[assignment]
    return bench


def taken(body: str) -> Reply:
    items = []
    for each in map(json.loads, body.splitlines()):
        for action in {"index", "delete", "update"} & each.keys():
            done = GUARDED if action == "update" else {"status": 201}
            items.append({action: {**done, "_index": each[action]["_index"]}})
    return Reply(200, {"items": items})


def test_each_index_is_looked_at_every_minute_and_a_bulk_goes_to_all_with_a_guard_for_each(services: Services) -> None:
    bodies: list[str] = []

    def answered(asked: str, body: str) -> Reply:
        if asked == "_mapping":
            return mapped()
        bodies.append(body)
        return taken(body)

    services.answer = answered
    bench = real(services, clock := FakeClock())
    for _ in range(2):
        assert bench.run(event(put("open", 1), put("draft", 2, "b"))) == []
    clock.time += ENSURED_FOR + 1
    assert bench.run(event(put("draft", 1))) == []
    assert services.asked == ["_mapping", "_mapping", "_bulk", "_bulk", "_mapping", "_mapping", "_bulk"]
    guards = [[each["_index"] for each in heads(body.encode()) if "require_alias" in each] for body in bodies]
    assert guards == [["items", "open-items"], ["items", "open-items"], ["items", "open-items"]]


def test_where_one_index_is_anothers_nothing_is_written(services: Services) -> None:
    looked: list[str] = []

    def answered(asked: str, _body: str) -> Reply:
        looked.append(asked)
        return mapped() if len(looked) == 1 else Reply(200, {"i": {"mappings": {"properties": {"x": {}}}}})

    services.answer = answered
    with pytest.raises(StackError, match="The index open-items was not made by searchsync"):
        real(services, FakeClock()).run(event(put("open", 1)))
    assert services.asked == ["_mapping", "_mapping"]


@pytest.mark.parametrize(
    ("items", "heeded"),
    [
        ([("index", "i", 201), ("delete", "j", 200), ("update", "i", 404), ("update", "j", 404)], True),
        ([("index", "i", 201), ("delete", "j", 200), ("update", "i", 404), ("update", "j", 409)], True),
        ([("index", "i", 404), ("delete", "j", 200), ("update", "i", 404), ("update", "j", 404)], True),
        ([("index", "i", 404), ("delete", "j", 404), ("update", "i", 404), ("update", "j", 404)], None),
    ],
)
def test_a_guard_of_each_index_says_whether_it_is_heeded(
    items: list[tuple[str, str, int]], heeded: bool | None
) -> None:
    body = {"items": [{action: _answered(index, status)} for action, index, status in items]}
    assert take_guard(body, {"i", "j"}) is heeded
    assert len(body["items"]) == 2


def _answered(index: str, status: int) -> dict[str, Any]:
    missing = error("index_not_found_exception") if status == 404 else {}
    return {"_index": index, "status": status, **missing}


def test_a_guard_that_one_index_does_not_heed_is_not_heeded() -> None:
    ignored = {"_index": "j", "status": 404, **error("document_missing_exception")}
    items = [{"index": _answered("i", 201)}, {"index": _answered("j", 201)}, {"update": _answered("i", 404)}]
    assert take_guard({"items": [*items, {"update": ignored}]}, {"i", "j"}) is False
