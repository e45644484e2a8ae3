"""Reading ahead without a thread, for clocks that are no machine's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from searchsync.clock import Clock
from searchsync.reconcile.ahead import Begun


@dataclass
class AtOnce:
    """Reads ahead without a thread: what is due is done when it is begun, anything else when it is asked for."""

    clock: Clock

    def begin(self, work: Callable[[], Any], after: float) -> Begun[Any]:
        """Begin it."""
        return Done(work, self.clock, self.clock.monotonic() + after)


class Done:
    """A piece of work that is done, or will be when it is asked for."""

    def __init__(self, work: Callable[[], Any], clock: Clock, due: float) -> None:
        self._work, self._clock, self._due = work, clock, due
        self._gave: Any = None
        self._error: Exception | None = None
        self._done = due <= clock.monotonic()
        if self._done:
            self._run()

    def _run(self) -> None:
        try:
            self._gave = self._work()
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error

    def result(self) -> Any:
        """What it gave."""
        if not self._done:
            self._clock.sleep(max(0.0, self._due - self._clock.monotonic()))
            self._run()
        if self._error is not None:
            raise self._error
        return self._gave

    def stop(self) -> Any:
        """What it gave, where it is done."""
        return self._gave
