"""How the functions take `searchsync doctor`'s questions: loaded only then, and no event of anybody else's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from searchsync import doctor
from searchsync.doctor import NO_ITEM
from searchsync.documents.document import DIGEST_PREFIX
from searchsync.errors import MalformedEventError, StackError
from searchsync.limits import LONGEST_NAME
from searchsync.reconcile import check
from searchsync.reconcile import doctor as probes
from searchsync.reconcile.asker import SUFFIX, probe_index
from tests.support.events import environment
from tests.unit.test_handler import start

ROOT = Path(__file__).parents[2]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
RUN = {"SYNC_FUNCTION_NAME": "sync", "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:w"}


class Ending:
    """An invocation with 200 s left."""

    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 200_000


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(**KEYS, **RUN).items():
        monkeypatch.setenv(name, value)


def test_no_start_loads_what_only_the_command_line_asks() -> None:
    program = "import sys; from searchsync import handler, redrive_handler, reconcile_handler; print(*sys.modules)"
    done = start(program, **KEYS, **RUN)
    assert "searchsync.reconcile_handler" in done.stdout.split(), done.stderr
    asked = {f"searchsync.reconcile.{name}" for name in ("asker", "check", "doctor", "preview", "suggest")}
    asked |= {"searchsync.doctor", "searchsync.documents.suggestion"}
    assert not asked & set(done.stdout.split())


def test_the_sync_function_is_asked_by_an_event_that_is_no_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    from searchsync import handler  # noqa: PLC0415 - it starts when it is imported

    monkeypatch.setattr(doctor, "examine_role", lambda config, _, view: {config.index: view})
    assert handler.handle({"searchsync": "doctor"}, Ending()) == {handler.pipeline.config.index: ""}
    assert handler.handle({"searchsync": "doctor", "view": "a"}, Ending()) == {handler.pipeline.config.index: "a"}
    with pytest.raises(MalformedEventError):
        handler.handle({"searchsync": "other"}, Ending())
    assert handler.handle({"searchsync": "doctor", "Records": []}, Ending()) == {"batchItemFailures": []}


@pytest.mark.parametrize(("asked", "given"), [({}, 180.0), ({"seconds": 60}, 60.0), ({"seconds": 840}, 180.0)])
def test_the_run_function_examines_for_as_long_as_it_is_asked_and_may(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: dict[str, Any], given: float
) -> None:
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    monkeypatch.setattr(probes, "examine", lambda _config, _connect, _clock, seconds: {"seen": seconds, "left": []})
    answer = reconcile_handler.handle({"step": "doctor", **asked}, Ending())
    assert answer == {"seen": pytest.approx(given), "left": []}
    assert json.loads(capsys.readouterr().out) == {"step": "doctor", "request_id": "request-1", **answer}


def test_what_the_engine_says_of_a_mapping_is_answered_and_not_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    def canned(_config: object, _connect: object, _clock: object, event: Any, seconds: float) -> dict[str, Any]:
        assert seconds == pytest.approx(180.0)
        return {"made": {"reason": "secret", "of": event["mapping"]}}

    monkeypatch.setattr(check, "check", canned)
    answer = reconcile_handler.handle({"step": "check_mapping", "mapping": {"secret": 1}}, Ending())
    assert answer == {"made": {"reason": "secret", "of": {"secret": 1}}}
    assert json.loads(capsys.readouterr().out) == {"step": "check_mapping", "request_id": "request-1"}


def test_a_refusal_of_the_doctor_is_told_as_any_others(monkeypatch: pytest.MonkeyPatch) -> None:
    from searchsync import reconcile_handler  # noqa: PLC0415 - it starts when it is imported

    def refuse(*_: object) -> None:
        raise StackError("The collection's certificate is not trusted.")

    monkeypatch.setattr(probes, "examine", refuse)
    with pytest.raises(StackError):
        reconcile_handler.handle({"step": "doctor"}, Ending())


def test_the_deleted_id_is_no_items() -> None:
    assert re.fullmatch(r"(?![0-9a-f]).*", NO_ITEM.removeprefix(DIGEST_PREFIX))
    assert NO_ITEM.startswith(DIGEST_PREFIX)


def test_the_probe_index_is_named_as_the_module_allows_it() -> None:
    module = (ROOT / "modules/reconciliation/main.tf").read_text()
    kept = LONGEST_NAME - len(SUFFIX)
    assert f'"${{substr(var.index_name, 0, {kept})}}{SUFFIX}"' in module
    assert probe_index("orders") == f"orders{SUFFIX}"
    assert len(probe_index("o" * LONGEST_NAME)) == LONGEST_NAME
