"""A function's peak memory in a process of its own, on items of 400 KB; `python -m bench.memory` has every shape."""

from __future__ import annotations

import os

import pytest

from bench.memory import KEYS, MB, MEMORY_MB, SHARE, measured
from tools.terraform_check import ROOT

pytestmark = pytest.mark.slow

PATHS = os.pathsep.join([str(ROOT / "lambda_src"), str(ROOT)])


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        ("keys only", "number list"),
        ("keys only", "long names"),
        ("sync, all read again", "list of empty strings"),
        ("redrive", "number list"),
        ("repair", "number list"),
    ],
)
def test_a_function_keeps_to_its_memory_whatever_the_items_are_made_of(function: str, shape: str) -> None:
    used = measured(shape, function, PATHS)
    if function == "redrive":
        assert used.answer["redriven"] == KEYS
    elif function == "repair":
        assert used.answer["repaired"] == used.answer["items"]
    else:
        assert used.answer == {"batchItemFailures": []}
    assert used.peak <= SHARE * MEMORY_MB[function] * MB
