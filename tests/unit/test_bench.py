"""The rows of `make bench` about documents and views can be made; what they say is measured on a quiet machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bench import convert, transformed, views
from bench.before import ROOT, SHAPELESS, encoder_of
from bench.items import images
from searchsync.documents import document

COUNT = 2 * max(views.VIEWS)
INVOKED = f"""
from bench.handler import Fresh
from bench.views import VIEWS, answer_each_index, invoking, kinds
answer_each_index()
batch = Fresh(kinds({COUNT}))
for each in VIEWS:
    batch.renew()
    invoking(each, batch)()
"""


def test_each_record_has_one_document_however_many_views_there_are() -> None:
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT / "lambda_src"), str(ROOT)])}
    environment = {**os.environ, **paths}  # of a process of its own: the answers are those of all its requests
    done = subprocess.run([sys.executable, "-c", INVOKED], env=environment, check=True, capture_output=True, text=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["DocumentsWritten"] for each in told] == [COUNT] * len(views.VIEWS)
    assert [each.get("Filtered", 0) for each in told] == [COUNT * (number - 1) for number in views.VIEWS]


@pytest.mark.parametrize("number", views.VIEWS)
def test_each_kind_of_item_is_in_one_view(number: int) -> None:
    prefixes = [each["prefix"] for view in range(number) for each in json.loads(views.when(view, number))["id"]]
    assert sorted(prefixes) == [f"{kind}#" for kind in range(max(views.VIEWS))]


def test_an_earlier_converter_stands_beside_ours() -> None:
    before = encoder_of(ROOT / "lambda_src")
    assert before is not document.encode
    assert before.__globals__["document_fields"] is not document.document_fields
    assert sys.modules["searchsync.documents.document"] is document
    (image,) = images(1)
    assert before("a", image) == document.encode("a", image)


def test_the_converters_rows_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "ITEMS", 2)
    monkeypatch.setattr(convert, "ROUNDS", 1)
    targets = {each.what.strip(): each.target for each in convert.figures(ROOT / "lambda_src")}
    assert targets[f"against {SHAPELESS}'s converter"] == "at most 1.05 x"
    assert targets["with ten paths excluded, against whole"] == "at most 1.25 x"


def test_the_transforms_rows_are_made_and_one_attribute_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformed, "ITEMS", 2)
    monkeypatch.setattr(transformed, "ROUNDS", 1)
    monkeypatch.setattr(transformed, "orders", images)
    assert [each.figure[-1] for each in transformed.figures()] == ["x", "x", "s", "x", "x"]
    assert transformed.change_one({"title": "a", "note": "b"}, {}, "") == {"title": "changed", "note": "b"}
