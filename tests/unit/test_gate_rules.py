"""The collection gate's rules, request by request, without sockets."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from lab.gate_rules import GateRequest, Rules, flat_settings, split_bulk
from lab.gate_rules import MalformedBulkError as Malformed

RULES = Rules()
BULK = b'{"index":{"_id":"a"}}\n{"n":1}\n{"delete":{"_index":"other","_id":"b"}}\n'


def request(method: str, target: str, body: bytes = b"", **headers: str) -> GateRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    digest = hashlib.sha256(body).hexdigest()
    return GateRequest(method, target, {"x-amz-content-sha256": digest, **named}, body)


def broken(asked: GateRequest) -> tuple[int, str] | None:
    denied = RULES.check(asked)
    return None if denied is None else (denied.status, denied.rule)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("POST", "/i/_refresh"),
        ("POST", "/_refresh"),
        ("POST", "/i/_delete_by_query"),
        ("POST", "/i/_update_by_query"),
        ("POST", "/_reindex"),
        ("GET", "/_cluster/health"),
        ("GET", "/_nodes/stats"),
        ("GET", "/_cat/nodes"),
        ("GET", "/_search/scroll"),
        ("POST", "/_search/point_in_time"),
        ("POST", "/i/_pit"),
        ("POST", "/i/_search?scroll=1m"),
        ("POST", "/i/_flush"),
        ("POST", "/i/_close"),
        ("PUT", "/_cluster/settings"),
        ("POST", "/i/_mget"),
        ("GET", "/i/_mapping/field/n"),
    ],
)
def test_an_api_that_the_service_does_not_list_is_not_found(method: str, target: str) -> None:
    assert broken(request(method, target)) == (404, "unsupported API")


@pytest.mark.parametrize(
    ("method", "target", "permission"),
    [
        ("PUT", "/i", "aoss:CreateIndex"),
        ("HEAD", "/i", "aoss:DescribeIndex"),
        ("GET", "/i", "aoss:DescribeIndex"),
        ("GET", "/i/_mapping", "aoss:DescribeIndex"),
        ("GET", "/i/_settings", "aoss:DescribeIndex"),
        ("PUT", "/i/_mapping", "aoss:UpdateIndex"),
        ("DELETE", "/i", "aoss:DeleteIndex"),
        ("POST", "/i/_bulk", "aoss:WriteDocument"),
        ("PUT", "/i/_doc/a%2Fb", "aoss:WriteDocument"),
        ("DELETE", "/i/_doc/a", "aoss:WriteDocument"),
        ("GET", "/i/_mget", "aoss:ReadDocument"),
        ("GET", "/i/_doc/a", "aoss:ReadDocument"),
        ("POST", "/i/_search", "aoss:ReadDocument"),
        ("POST", "/i/_search/point_in_time?keep_alive=10m", "aoss:ReadDocument"),
        ("GET", "/i/_count", "aoss:ReadDocument"),
    ],
)
def test_a_listed_api_names_its_permission_and_its_index(method: str, target: str, permission: str) -> None:
    asked = request(method, target)
    assert broken(asked) is None
    assert asked.operation is not None
    assert asked.operation.permission == permission
    assert asked.operation.indices == ("i",)


@pytest.mark.parametrize("body", [b"", b"[]", b"not JSON", b'{"pit_id": 7}', b'{"pit": {"id": "bm9uZQ"}}'])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/_search"),
        ("DELETE", "/_search/point_in_time"),
        ("GET", "/_search/point_in_time/_all"),
        ("DELETE", "/_search/point_in_time/_all"),
    ],
)
def test_without_a_point_in_time_that_names_them_every_index_is_meant(method: str, target: str, body: bytes) -> None:
    operation = request(method, target, body).operation
    assert operation is not None
    assert (operation.permission, operation.indices) == ("aoss:ReadDocument", ())


def test_a_bulk_request_needs_every_index_that_its_actions_name() -> None:
    operation = request("POST", "/i/_bulk", BULK).operation
    assert operation is not None
    assert operation.indices == ("i", "other")


def test_an_encoded_or_listed_index_name_is_read_as_the_engine_reads_it() -> None:
    operation = request("GET", "/one%2Ctwo/_search").operation
    assert operation is not None
    assert operation.indices == ("one", "two")


@pytest.mark.parametrize("value", ["true", "wait_for", "false", ""])
def test_the_refresh_parameter_is_refused_whatever_its_value(value: str) -> None:
    assert broken(request("POST", f"/i/_bulk?refresh={value}", BULK)) == (400, "refresh")


def test_a_request_without_its_content_hash_is_forbidden() -> None:
    asked = replace(request("POST", "/i/_bulk", BULK), headers={})
    assert broken(asked) == (403, "x-amz-content-sha256")


def test_a_content_hash_of_another_body_is_forbidden() -> None:
    asked = request("POST", "/i/_bulk", BULK, x_amz_content_sha256="0" * 64)
    assert broken(asked) == (403, "x-amz-content-sha256")


def test_an_unsigned_payload_is_let_through() -> None:
    assert broken(request("GET", "/i", b"", x_amz_content_sha256="UNSIGNED-PAYLOAD")) is None


def test_a_signed_content_length_is_forbidden() -> None:
    signature = "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=content-length;host, Signature=y"
    assert broken(request("GET", "/i", authorization=signature)) == (
        403,
        "signed content-length",
    )
    assert broken(request("GET", "/i", authorization=signature.replace("content-l", "l"))) is None


def test_a_compressed_body_is_refused() -> None:
    asked = request("POST", "/i/_bulk", BULK, content_encoding="gzip")
    assert broken(asked) == (400, "content-encoding")


def test_a_body_is_too_large_one_byte_over_the_limit() -> None:
    rules = Rules(body_limit=len(BULK))
    assert rules.check(request("POST", "/i/_bulk", BULK)) is None
    denied = rules.check(request("POST", "/i/_bulk", BULK + b"\n"))
    assert denied is not None
    assert denied.status == 413


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("PUT", "/i", {"settings": {"index": {"refresh_interval": "1s"}}}),
        ("PUT", "/i", {"settings": {"index.refresh_interval": "1s"}}),
        ("PUT", "/i", {"settings": {"refresh_interval": "1s"}}),
        ("PUT", "/i", {"settings": {"index.gc_deletes": "1h"}}),
        ("PUT", "/i/_settings", {"index": {"refresh_interval": "1s"}}),
        ("PUT", "/i/_settings", {"refresh_interval": "-1"}),
        ("PUT", "/_index_template/t", {"template": {"settings": {"refresh_interval": "1s"}}}),
    ],
)
def test_the_settings_of_the_service_are_not_the_users(method: str, target: str, body: object) -> None:
    asked = request(method, target, json.dumps(body).encode())
    assert broken(asked) == (400, "index setting")


def test_an_index_is_created_with_the_refresh_interval_of_the_service() -> None:
    sent = {"settings": {"index": {"mapping": {"depth": {"limit": 5}}}}, "mappings": {"_meta": {}}}
    assert broken(request("PUT", "/i", json.dumps(sent).encode())) is None
    created = json.loads(RULES.index_body(json.dumps(sent).encode()))
    assert created["settings"]["refresh_interval"] == "10s"
    assert created["settings"]["mapping.depth.limit"] == 5
    assert created["mappings"] == {"_meta": {}}
    assert "gc_deletes" not in created["settings"]


def test_settings_are_known_by_one_name_however_they_are_nested() -> None:
    nested = flat_settings({"index": {"a": {"b": 1}}, "index.c": 2, "d": 3})
    assert nested == {"a.b": 1, "c": 2, "d": 3}


def test_a_bulk_body_is_split_into_its_items_without_changing_a_byte() -> None:
    items = list(split_bulk(BULK, "i"))
    assert [(item.action, item.index, item.document_id) for item in items] == [
        ("index", "i", "a"),
        ("delete", "other", "b"),
    ]
    assert b"".join(item.lines for item in items) == BULK


@pytest.mark.parametrize("body", [b"{}\n", b"not json\n", b"[1]\n", b'{"index":{}}', b'{"index":1}\n{}\n'])
def test_a_body_that_is_no_bulk_is_said_to_be_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        list(split_bulk(body))
    assert request("POST", "/i/_bulk", body).items == ()
