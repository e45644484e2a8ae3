"""AOSS's behaviours beyond its rules, on a real engine: what each makes of what the engine has. No test waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from lab.behaviours import Behaviours
from lab.conduct import MAPPING_UPDATE_S
from lab.engine import Engine
from lab.gate import Gate
from lab.gate_admin import GateAdmin, GateClient
from tests.engine.client import Client
from tests.engine.test_gate import eventually, statuses, write

NOT_FOUND = "index_not_found_exception"


@dataclass
class Time:
    """The gate's time: it passes when a test says so, and while the gate holds a request."""

    now: float = 1_000_000.0
    held: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> bool:
        self.held.append(seconds)
        self.now += seconds
        return False


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def gate(engine: Engine, time: Time) -> Iterator[Gate]:
    with Gate(engine.url, clock=lambda: time.now, pause=time.pause) as opened:
        yield opened


def versions(client: Client, index: str, *ids: str) -> list[int | None]:
    """The documents' versions by `_mget`; None where there is none."""
    docs = client.call("GET", f"/{index}/_mget", {"ids": list(ids)}).json()["docs"]
    return [doc.get("_version") for doc in docs]


def hits(client: Client, index: str) -> list[str]:
    """The ids that a search finds."""
    found = client.call("POST", f"/{index}/_search", {"version": True}).json()
    return sorted(hit["_id"] for hit in found["hits"]["hits"])


def error_types(answer: requests.Response) -> list[str]:
    items = [next(iter(item.values())) for item in answer.json()["items"]]
    return [item.get("error", {}).get("type", "") for item in items]


def test_a_write_is_read_late_in_every_way_of_reading(
    gate: Gate, time: Time, collection: Client, direct: Client, index_name: str
) -> None:
    gate.behave(Behaviours(reads_late_s=10))
    collection.call("PUT", f"/{index_name}", {})
    collection.call("POST", f"/{index_name}/_bulk", write("a", 5, n=1))
    time.now += 9.9
    assert (versions(collection, index_name, "a"), hits(collection, index_name)) == ([None], [])
    assert versions(direct, index_name, "a") == [5]
    time.now += 0.1
    assert (versions(collection, index_name, "a"), hits(collection, index_name)) == ([5], ["a"])


def test_a_read_shows_the_version_before_and_a_deleted_document_until_the_refresh(
    gate: Gate, time: Time, collection: Client, index_name: str
) -> None:
    collection.call("POST", f"/{index_name}/_bulk", [*write("a", 5, n=1), *write("b", 5, n=1)])
    gate.behave(Behaviours(reads_late_s=10))
    # What was written before is seen by the refresh that the next write's begins with.
    collection.call("POST", f"/{index_name}/_bulk", write("c", 5, n=1))
    time.now += 10
    assert versions(collection, index_name, "a", "b", "c") == [5, 5, 5]
    deletion = {"delete": {"_id": "b", "version": 7, "version_type": "external"}}
    collection.call("POST", f"/{index_name}/_bulk", [*write("a", 6, n=2), deletion])
    assert versions(collection, index_name, "a", "b") == [5, 5]
    refused = collection.call("POST", f"/{index_name}/_bulk", [*write("a", 6, n=2), *write("b", 6, n=2)])
    assert statuses(refused) == [409, 409]
    time.now += 10
    assert versions(collection, index_name, "a", "b") == [6, None]


def test_a_point_in_time_shows_what_the_last_refresh_saw(
    gate: Gate, time: Time, collection: Client, index_name: str
) -> None:
    gate.behave(Behaviours(reads_late_s=10))
    collection.call("PUT", f"/{index_name}", {})
    collection.call("POST", f"/{index_name}/_bulk", write("a", 5, n=1))

    def ids() -> list[str]:
        opened = collection.call("POST", f"/{index_name}/_search/point_in_time?keep_alive=1m").json()["pit_id"]
        found = collection.call("POST", "/_search", {"pit": {"id": opened}}).json()["hits"]["hits"]
        return [hit["_id"] for hit in found]

    assert ids() == []
    time.now += 10
    assert ids() == ["a"]


def test_on_the_machines_time_a_search_past_the_gate_shows_what_is_due(
    engine: Engine, direct: Client, index_name: str
) -> None:
    with Gate(engine.url, behaviours=Behaviours(reads_late_s=0.5)) as timed:
        collection = Client(timed.url)
        collection.call("PUT", f"/{index_name}", {})
        collection.call("POST", f"/{index_name}/_bulk", write("a", 5, n=1))
        assert hits(direct, index_name) == []
        assert eventually(lambda: hits(direct, index_name) == ["a"], 5.0)


def test_reads_are_on_time_again_when_the_behaviour_ends(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.behave(Behaviours(reads_late_s=10))
    collection.call("PUT", f"/{index_name}", {})
    collection.call("POST", f"/{index_name}/_bulk", write("a", 5, n=1))

    def interval() -> str:
        settings = direct.call("GET", f"/{index_name}/_settings").json()[index_name]["settings"]["index"]
        return str(settings["refresh_interval"])

    assert (versions(collection, index_name, "a"), interval()) == ([None], "-1")
    gate.behave(Behaviours())
    assert (versions(collection, index_name, "a"), interval()) == ([5], "10s")


def test_a_new_index_takes_writes_only_after_its_time(
    gate: Gate, time: Time, collection: Client, direct: Client, index_name: str
) -> None:
    gate.behave(Behaviours(new_index_unwritable_s=15))
    assert collection.call("PUT", f"/{index_name}", {}).status_code == 200
    refused = collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))
    assert (refused.status_code, refused.json()["error"]["type"]) == (404, NOT_FOUND)
    assert collection.call("GET", f"/{index_name}/_mget", {"ids": ["a"]}).status_code == 404
    assert collection.call("GET", f"/{index_name}/_mapping").status_code == 200
    assert direct.found(index_name, "a") is None
    time.now += 15
    assert statuses(collection.call("POST", f"/{index_name}/_bulk", write("a", 1, n=1))) == [201]


def test_a_new_index_that_is_hidden_exists_for_whoever_makes_it_again(
    gate: Gate, time: Time, collection: Client, index_name: str
) -> None:
    gate.behave(Behaviours(new_index_hidden_s=15))
    collection.call("PUT", f"/{index_name}", {})
    assert collection.call("GET", f"/{index_name}/_mapping").status_code == 404
    again = collection.call("PUT", f"/{index_name}", {})
    assert (again.status_code, again.json()["error"]["type"]) == (400, "resource_already_exists_exception")
    time.now += 15
    assert collection.call("GET", f"/{index_name}/_mapping").status_code == 200


def test_the_items_of_a_new_index_may_be_refused_one_by_one(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    gate.behave(Behaviours(new_index_unwritable_s=15, new_index_by_item=True))
    collection.call("PUT", f"/{index_name}", {})
    answer = collection.call("POST", f"/{index_name}/_bulk", [*write("a", 1, n=1), *write("b", 1, n=1)])
    assert (statuses(answer), error_types(answer)) == ([404, 404], [NOT_FOUND, NOT_FOUND])
    (doc,) = collection.call("GET", f"/{index_name}/_mget", {"docs": [{"_id": "a"}]}).json()["docs"]
    assert (doc["_id"], doc["error"]["type"]) == ("a", NOT_FOUND)
    assert direct.found(index_name, "a") is None


def test_only_the_item_that_changes_the_mapping_beside_another_change_is_in_conflict(
    gate: Gate, time: Time, collection: Client, direct: Client, index_name: str
) -> None:
    gate.behave(Behaviours(mapping_conflicts=True))
    collection.call("PUT", f"/{index_name}", {"mappings": {"properties": {"n": {"type": "double"}}}})
    path = f"/{index_name}/_bulk"
    first = collection.call("POST", path, [*write("a", 1, n=1), *write("b", 1, fresh=1)])
    assert (statuses(first), error_types(first)) == ([201, 400], ["", "resource_already_exists_exception"])
    time.now += MAPPING_UPDATE_S
    assert statuses(collection.call("POST", path, write("b", 1, fresh=1))) == [201]
    assert statuses(collection.call("POST", path, write("c", 1, fresh=2))) == [201]
    assert statuses(collection.call("POST", path, write("d", 1, fresher=2))) == [400]
    assert direct.found(index_name, "d") is None


def test_no_answer_says_a_version(gate: Gate, collection: Client, index_name: str) -> None:
    collection.call("PUT", f"/{index_name}", {})
    collection.call("POST", f"/{index_name}/_bulk", write("a", 5, inner={"_version": 3}))
    gate.behave(Behaviours(versions_left_out=True, reads_late_s=10))
    collection.call("POST", f"/{index_name}/_bulk", write("b", 5, n=1))
    gate.behave(Behaviours(versions_left_out=True))
    (doc,) = collection.call("GET", f"/{index_name}/_mget", {"ids": ["a"]}).json()["docs"]
    assert (doc["found"], doc["_source"], "_version" in doc) == (True, {"inner": {"_version": 3}}, False)
    found = collection.call("POST", f"/{index_name}/_search", {"version": True}).json()["hits"]["hits"]
    assert [(hit["_id"], "_version" in hit) for hit in found] == [("a", False), ("b", False)]


@pytest.mark.parametrize("path", ["", "/_settings", "/_settings/index.uuid"])
def test_an_index_shows_all_but_its_uuid(gate: Gate, collection: Client, index_name: str, path: str) -> None:
    collection.call("PUT", f"/{index_name}", {"mappings": {"_meta": {"searchsync": {"mark": "m"}}}})

    def shown() -> tuple[bool, str, str]:
        described = collection.call("GET", f"/{index_name}{path}").text
        return "uuid" in described, described, collection.call("GET", f"/{index_name}/_mapping").text

    assert shown()[0] is True
    gate.behave(Behaviours(index_uuid_hidden=True))
    uuid, described, mapping = shown()
    assert uuid is False
    assert '"mark":"m"' in mapping
    assert path or ('"mark":"m"' in described and "provided_name" in described)


def test_at_capacity_nothing_is_written_and_everything_is_read(
    gate: Gate, collection: Client, direct: Client, index_name: str
) -> None:
    collection.call("POST", f"/{index_name}/_bulk", write("a", 5, n=1))
    gate.behave(Behaviours(at_capacity=True))
    answer = collection.call("POST", f"/{index_name}/_bulk", [*write("a", 6, n=2), *write("b", 6, n=2)])
    assert (answer.status_code, statuses(answer)) == (200, [402, 402])
    assert error_types(answer) == ["service_quota_exceeded_exception"] * 2
    assert versions(collection, index_name, "a", "b") == [5, None]
    assert direct.found(index_name, "b") is None


def test_the_first_request_after_sleep_is_held_and_then_carried_out(
    gate: Gate, time: Time, collection: Client, index_name: str
) -> None:
    collection.call("PUT", f"/{index_name}", {})
    gate.behave(Behaviours(sleeps_after_s=600, wakes_in_s=20))
    time.now += 599
    assert versions(collection, index_name, "a") == [None]
    time.now += 1
    assert statuses(collection.call("POST", f"/{index_name}/_bulk", write("a", 5, n=1))) == [201]
    assert versions(collection, index_name, "a") == [5]
    assert time.held == [20]
    time.now += 600
    assert versions(collection, index_name, "a") == [5]
    assert time.held == [20, 20]


def test_a_collection_that_wakes_may_answer_that_it_does(
    gate: Gate, time: Time, collection: Client, index_name: str
) -> None:
    gate.behave(Behaviours(sleeps_after_s=600, wakes_in_s=20, waking_status=503))
    time.now += 600
    path = f"/{index_name}/_bulk"
    assert collection.call("POST", path, write("a", 5, n=1)).status_code == 503
    time.now += 19.9
    assert collection.call("POST", path, write("a", 5, n=1)).status_code == 503
    time.now += 0.1
    assert statuses(collection.call("POST", path, write("a", 5, n=1))) == [201]
    assert time.held == []


def test_the_admin_port_tells_another_process_how_to_behave(gate: Gate) -> None:
    with GateAdmin(gate) as admin:
        control = GateClient(admin.url)
        control.behave(Behaviours(sleeps_after_s=600, versions_left_out=True))
        assert gate.behaviours == control.behaviours == Behaviours(sleeps_after_s=600, versions_left_out=True)
        unknown = requests.put(f"{admin.url}/behaviours", data=json.dumps({"sleepy": True}), timeout=10)
        assert unknown.status_code == 400
        control.behave(Behaviours())
        assert gate.behaviours == Behaviours()


def test_a_point_in_time_is_opened_though_versions_are_left_out(
    gate: Gate, collection: Client, index_name: str
) -> None:
    gate.behave(Behaviours(versions_left_out=True))
    collection.call("PUT", f"/{index_name}", {})
    assert collection.call("POST", f"/{index_name}/_search/point_in_time?keep_alive=1m").status_code == 200
