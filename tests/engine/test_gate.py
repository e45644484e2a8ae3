"""The collection gate on a real engine: each rule and each fault does what it says."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from lab.engine import Engine
from lab.faults import Fault, FaultKind
from lab.gate import Gate
from lab.gate_admin import GateAdmin, GateClient
from lab.gate_rules import GateDenied, GateRequest, Rules
from lab.gate_server import PIECES
from tests.engine.client import Client


def write(document_id: str, version: int, **document: Any) -> list[dict[str, Any]]:
    action = {"_id": document_id, "version": version, "version_type": "external"}
    return [{"index": action}, document]


def statuses(answer: requests.Response) -> list[int]:
    return [next(iter(item.values()))["status"] for item in answer.json()["items"]]


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# Rules


def test_a_write_through_the_gate_is_in_the_engine(collection: Client, direct: Client, index_name: str) -> None:
    answer = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert statuses(answer) == [201]
    assert direct.found(index_name, "a") == {"n": 1}


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/"), ("POST", "/_refresh"), ("GET", "/_cluster/health"), ("GET", "/_nodes")],
)
def test_an_api_that_the_engine_has_and_a_collection_has_not_is_not_found(
    collection: Client, direct: Client, method: str, target: str
) -> None:
    assert direct.call(method, target).status_code == 200
    assert collection.call(method, target).status_code == 404


def test_a_refused_request_leaves_the_engine_untouched(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    path, body = f"/{index_name}/_bulk", write("a", 1, n=1)
    packed = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in body))
    assert collection.call("POST", f"{path}?refresh=true", body).status_code == 400
    assert collection.call("POST", path, packed, content_encoding="gzip").status_code == 400
    assert requests.post(gate.url + path, data=packed, timeout=10).status_code == 403
    assert collection.call("POST", path, body, x_amz_content_sha256="0").status_code == 403
    assert direct.call("HEAD", f"/{index_name}").status_code == 404
    assert gate.counts.denied == {"refresh": 1, "content-encoding": 1, "x-amz-content-sha256": 2}


def test_an_index_gets_the_refresh_interval_of_the_service_however_it_is_created(
    engine: Engine, direct: Client, index_name: str
) -> None:
    with Gate(engine.url) as strict:
        collection = Client(strict.url)
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
        settings = direct.call("GET", f"/{index_name}/_settings").json()[index_name]["settings"]
        assert settings["index"]["refresh_interval"] == "10s"
        direct.call("DELETE", f"/{index_name}")
        created = collection.call("PUT", f"/{index_name}", {"mappings": {"properties": {"n": {"type": "double"}}}})
        assert created.status_code == 200
        settings = direct.call("GET", f"/{index_name}/_settings").json()[index_name]["settings"]
        assert settings["index"]["refresh_interval"] == "10s"
        changed = collection.call("PUT", f"/{index_name}/_settings", {"refresh_interval": "1s"})
        assert changed.status_code == 400


def test_a_write_is_searchable_only_after_the_refresh_interval(collection: Client, index_name: str) -> None:
    collection.call("PUT", f"/{index_name}", {})
    collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))

    def hits() -> int:
        answer = collection.call("GET", f"/{index_name}/_count").json()
        count: int = answer["count"]
        return count

    assert collection.found(index_name, "a") == {"n": 1}
    assert eventually(lambda: hits() == 1)


def test_a_body_over_the_limit_is_too_large(engine: Engine, index_name: str) -> None:
    with Gate(engine.url, rules=Rules(body_limit=1000)) as small:
        collection = Client(small.url)
        body = write("a", 1, text="x" * 2000)
        answer = collection.call("POST", f"/{index_name}/_bulk", body)
        assert answer.status_code == 413
        assert answer.json() == {"Message": "Request size exceeded 1000 bytes"}


def test_the_hook_decides_who_may_do_what(engine: Engine, index_name: str) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def readers_only(request: GateRequest) -> GateDenied | None:
        assert request.operation is not None
        asked.append((request.operation.permission, request.operation.indices))
        if request.operation.permission == "aoss:ReadDocument":
            return None
        return GateDenied.forbidden("data access policy")

    with Gate(engine.url, authorize=readers_only) as guarded:
        collection = Client(guarded.url)
        assert collection.call("GET", f"/{index_name}/_mget", {"ids": ["a"]}).status_code == 200
        refused = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert refused.status_code == 403
    assert refused.json() == {
        "status": 403,
        "error": {"reason": "403 Forbidden", "type": "Forbidden"},
    }
    assert asked == [
        ("aoss:ReadDocument", (index_name,)),
        ("aoss:WriteDocument", (index_name,)),
    ]


def test_a_point_in_time_is_asked_for_by_the_indices_in_its_id(engine: Engine, index_name: str) -> None:
    seen: list[tuple[str, tuple[str, ...]]] = []

    def authorize(request: GateRequest) -> GateDenied | None:
        assert request.operation is not None
        seen.append((request.operation.permission, request.operation.indices))
        return None

    other = f"other-{index_name}"
    with Gate(engine.url, authorize=authorize) as gate:
        client = Client(gate.url)
        for name in (index_name, other):
            # Without a mapping nothing sorts by _id.
            client.call("PUT", f"/{name}", {"settings": {"number_of_shards": 3}, "mappings": {"date_detection": False}})
        both = client.call("POST", f"/{index_name},{other}/_search/point_in_time?keep_alive=1m").json()["pit_id"]
        one = client.call("POST", f"/{index_name}/_search/point_in_time?keep_alive=1m").json()["pit_id"]
        seen.clear()
        query = {"pit": {"id": one, "keep_alive": "1m"}, "slice": {"id": 0, "max": 2}, "sort": [{"_id": "asc"}]}
        found = client.call("POST", "/_search", query)
        assert found.status_code == 200, found.text
        assert client.call("DELETE", "/_search/point_in_time", {"pit_id": [one, both]}).status_code == 200
    both_indices = tuple(sorted((index_name, other)))
    assert seen == [("aoss:ReadDocument", (index_name,)), ("aoss:ReadDocument", both_indices)]


def test_the_date_header_follows_the_gates_clock(gate: Gate, collection: Client) -> None:
    def lead() -> float:
        sent = collection.call("HEAD", "/no-such-index").headers["date"]
        return email.utils.parsedate_to_datetime(sent).timestamp() - time.time()

    assert abs(lead()) < 2
    gate.set_clock_offset(-300.0)
    assert abs(lead() + 300) < 2


def test_a_connection_is_kept_for_many_requests_and_none_of_them_waits(gate: Gate) -> None:
    address = urlsplit(gate.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    with contextlib.closing(connection):
        connection.connect()
        kept = connection.sock
        began = time.monotonic()
        for _ in range(50):
            connection.request("GET", "/no-such-index/_mapping")
            assert connection.getresponse().read()
        # A delayed acknowledgement alone would cost 40 ms each.
        assert time.monotonic() - began < 1.5
        assert connection.sock is kept


# Faults on whole requests


@pytest.mark.parametrize("applied", [False, True])
def test_a_status_is_answered_before_or_after_the_engine_applied_it(
    gate: Gate, collection: Client, direct: Client, index_name: str, applied: bool
) -> None:
    gate.inject(Fault(FaultKind.STATUS, path="_bulk$", status=429, applied=applied))
    answer = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert answer.status_code == 429
    assert answer.json()["error"]["type"] == "service_unavailable_exception"
    assert direct.found(index_name, "a") == ({"n": 1} if applied else None)
    again = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert statuses(again) == [409 if applied else 201]


@pytest.mark.parametrize("applied", [False, True])
def test_a_reset_comes_before_or_after_the_engine_applied_it(
    gate: Gate, collection: Client, direct: Client, index_name: str, applied: bool
) -> None:
    gate.inject(Fault(FaultKind.RESET, applied=applied))
    with pytest.raises(requests.ConnectionError, match="reset"):
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert direct.found(index_name, "a") == ({"n": 1} if applied else None)


def test_an_answer_that_breaks_off_was_applied(gate: Gate, collection: Client, direct: Client, index_name: str) -> None:
    gate.inject(Fault(FaultKind.CUT))
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert direct.found(index_name, "a") == {"n": 1}


def test_a_delay_only_takes_time(gate: Gate, collection: Client, index_name: str) -> None:
    gate.inject(Fault(FaultKind.DELAY, seconds=0.4))
    began = time.monotonic()
    answer = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert statuses(answer) == [201]
    assert time.monotonic() - began >= 0.4


def test_a_dropped_request_is_applied_after_its_client_gave_up(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.inject(Fault(FaultKind.DROP, seconds=1.0))
    with pytest.raises(requests.Timeout):
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1), timeout=0.3)
    assert direct.found(index_name, "a") is None
    assert eventually(lambda: direct.found(index_name, "a") == {"n": 1})


@pytest.mark.parametrize(("kind", "timeout"), [(FaultKind.SLOW_READER, 10.0), (FaultKind.SLOW_WRITER, 0.8)])
def test_a_request_that_trickles_either_way_only_takes_time(
    gate: Gate, collection: Client, index_name: str, kind: FaultKind, timeout: float
) -> None:
    """And no wait for one piece of an answer is as long as for all of it: only a bound on the whole ends it."""
    collection.call("PUT", f"/{index_name}", {})
    gate.inject(Fault(kind, seconds=1.2))
    began = time.monotonic()
    answer = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1), timeout=timeout)
    assert statuses(answer) == [201]
    assert time.monotonic() - began >= 1.2 * (PIECES - 1) / PIECES  # the last piece ends it
    assert statuses(collection.call("POST", f"/{index_name}/_bulk", write("a", 2, n=1))) == [200]


def test_a_slow_writer_has_applied_what_its_client_gives_up(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    collection.call("PUT", f"/{index_name}", {})
    gate.inject(Fault(FaultKind.SLOW_WRITER, seconds=16.0))
    with pytest.raises(requests.RequestException, match="timed out"):
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1), timeout=1.0)
    assert direct.found(index_name, "a") == {"n": 1}


def test_a_black_hole_answers_nobody_and_ends_with_its_client(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.inject(Fault(FaultKind.BLACK_HOLE))
    with pytest.raises(requests.Timeout):
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1), timeout=0.2)
    assert eventually(lambda: gate.counts.statuses == {"gone": 1})
    assert gate.counts.requests == {"POST _bulk": 1}
    assert direct.found(index_name, "a") is None


def test_what_was_cut_off_in_its_body_is_nothing_to_the_engine(gate: Gate, direct: Client, index_name: str) -> None:
    address = urlsplit(gate.url)
    body = b"".join(json.dumps(line).encode() + b"\n" for line in write("a", 1, n=1))
    head = f"POST /{index_name}/_bulk HTTP/1.1\r\nx-amz-content-sha256: {hashlib.sha256(body).hexdigest()}\r\n"
    with contextlib.closing(socket.create_connection((address.hostname or "", address.port or 0))) as line:
        line.sendall(f"{head}content-length: {len(body) + 1}\r\n\r\n".encode() + body)
    assert eventually(lambda: gate.counts.statuses == {"gone": 1})
    assert direct.found(index_name, "a") is None


def test_a_late_request_meets_the_newer_version_that_overtook_it(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.inject(Fault(FaultKind.DROP, seconds=0.5))
    with pytest.raises(requests.Timeout):
        collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1), timeout=0.2)
    collection.call("POST", f"/{index_name}/_bulk", write("a", 2, n=2))
    assert eventually(lambda: gate.counts.statuses.get("closed") == 1)
    assert direct.found(index_name, "a") == {"n": 2}


# Faults on the items of a _bulk


def test_failing_items_are_answered_in_their_places_and_only_they_are_missing(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.inject(
        Fault(FaultKind.ITEM, ids=("b",), status=429, error_type="rejected_execution_exception"),
        Fault(FaultKind.ITEM, positions=(3,), status=503),
    )
    body = [*write("a", 1, n=1), *write("b", 1, n=1), *write("c", 1, n=1), *write("d", 1, n=1)]
    answer = collection.call("POST", f"/{index_name}/_bulk", body)
    assert statuses(answer) == [201, 429, 201, 503]
    assert answer.json()["errors"] is True
    assert answer.json()["items"][1]["index"]["error"]["type"] == "rejected_execution_exception"
    present = [name for name in "abcd" if direct.found(index_name, name)]
    assert present == ["a", "c"]
    assert statuses(collection.call("POST", f"/{index_name}/_bulk", body)) == [409, 201, 409, 201]


def test_an_item_may_be_said_to_have_failed_though_it_was_applied(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.inject(Fault(FaultKind.ITEM, ids=("a",), status=503, applied=True))
    assert statuses(collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))) == [503]
    assert direct.found(index_name, "a") == {"n": 1}


def test_items_that_all_fail_never_reach_the_engine(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.inject(Fault(FaultKind.ITEM, status=503))
    body = [*write("a", 1, n=1), {"delete": {"_id": "b"}}]
    answer = collection.call("POST", f"/{index_name}/_bulk", body)
    assert statuses(answer) == [503, 503]
    assert [next(iter(item)) for item in answer.json()["items"]] == ["index", "delete"]
    assert direct.found(index_name, "a") is None


def test_a_malformed_bulk_is_left_to_the_engine_even_with_item_faults_waiting(
    gate: Gate, collection: Client, index_name: str
) -> None:
    gate.inject(Fault(FaultKind.ITEM))
    answer = collection.call("POST", f"/{index_name}/_bulk", b'{"index":{"_id":"a"\n{}\n')
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "json_e_o_f_exception"


# The gate itself


def test_the_admin_port_does_what_the_gate_in_process_does(gate: Gate, collection: Client, index_name: str) -> None:
    with GateAdmin(gate) as admin:
        control = GateClient(admin.url)
        control.inject(Fault(FaultKind.STATUS, status=500), Fault(FaultKind.STATUS, status=502))
        path = f"/{index_name}/_bulk"
        assert collection.call("POST", path, write("a", 1, n=1)).status_code == 500
        control.clear()
        assert collection.call("POST", path, write("a", 1, n=1)).status_code == 200
        counts = control.counts
        assert counts == gate.counts
        assert counts.requests == {"POST _bulk": 2}
        assert counts.statuses == {"500": 1, "200": 1}
        assert counts.faults == {"status": 1}
        assert counts.bulk_items == 2
        control.reset_counts()
        assert control.counts.total == 0
        control.set_clock_offset(60.0)
        assert gate.clock_offset == 60.0


def test_an_engine_that_is_gone_is_a_bad_gateway(index_name: str) -> None:
    with Gate("http://127.0.0.1:9") as orphan:
        assert Client(orphan.url).call("HEAD", f"/{index_name}").status_code == 502


def test_a_closed_gate_answers_nobody_not_even_on_a_kept_connection(engine: Engine, index_name: str) -> None:
    closing = Gate(engine.url)
    collection = Client(closing.url)
    assert collection.call("HEAD", f"/{index_name}").status_code == 404
    closing.close()
    with pytest.raises(requests.ConnectionError):
        collection.call("HEAD", f"/{index_name}")
    closing.close()


def test_many_clients_at_once_get_their_own_answers(gate: Gate, index_name: str) -> None:
    Client(gate.url).call("PUT", f"/{index_name}", {})
    wrong: list[str] = []

    def run(number: int) -> None:
        client = Client(gate.url)
        for round_ in range(10):
            name = f"{number}-{round_}"
            answer = client.call("POST", f"/{index_name}/_bulk", write(name, 1, n=number))
            if answer.json()["items"][0]["index"]["_id"] != name:
                wrong.append(name)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert gate.counts.bulk_items == 80


def test_the_content_hash_is_of_the_body_that_arrives(gate: Gate, index_name: str) -> None:
    body = b'{"ids":["\xc3\xa9"]}'
    digest = hashlib.sha256(body).hexdigest()
    headers = {"x-amz-content-sha256": digest, "content-type": "application/json"}
    answer = requests.get(f"{gate.url}/{index_name}/_mget", data=body, headers=headers, timeout=10)
    assert answer.status_code == 200
