"""Work that is begun before it is asked for: an edge, a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Begun(Protocol[T_co]):
    """A piece of work that was begun."""

    def result(self) -> T_co:
        """What it gave, once it is done. Raises what the work raised."""
        ...

    def stop(self) -> T_co | None:
        """It is not wanted any more: what it gave all the same. When this returns nothing of it runs."""
        ...


class Ahead(Protocol):
    """Begins work."""

    def begin(self, work: Callable[[], Any], after: float) -> Begun[Any]:
        """Begin it so many seconds from now."""
        ...


class _Thread(Generic[T_co]):
    """One piece of work in a thread of its own."""

    def __init__(self, work: Callable[[], T_co], after: float) -> None:
        self._work = work
        self._after = after
        self._stopped = threading.Event()
        self._gave: T_co | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="searchsync-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._stopped.wait(self._after):
            return
        try:
            self._gave = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def result(self) -> T_co:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._gave  # type: ignore[return-value]  # it was not stopped

    def stop(self) -> T_co | None:
        self._stopped.set()
        self._thread.join()
        return self._gave


class InBackground:
    """Begins work in a thread. What the work uses must be its own: our clients and their bounds serve one thread."""

    def begin(self, work: Callable[[], Any], after: float) -> Begun[Any]:
        """Begin it so many seconds from now."""
        return _Thread(work, after)
