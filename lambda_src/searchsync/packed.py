"""The user's transform that build.py has packed: found, looked at, and called within its bounds.

It lies beside the package `searchsync`, as a module of its own; `transform.sha256` says that it is there. It is asked
for by `read_environment`, so that no entry can go without it.
"""

from __future__ import annotations

import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow, localcontext
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NoReturn

from searchsync.documents.transform import REMEDY, Transform
from searchsync.errors import ConfigurationError, TransformError
from searchsync.limits import LONGEST_TRANSFORM, MOST_DIGITS, MOST_PLACES_SHOWN, TOLD_AGAIN
from searchsync.sanitize import places

PACKAGE_FOLDER = Path(__file__).parent
MODULE, FUNCTION = "searchsync_transform", "transform"
"""Module and function, as tracebacks name them."""
DIGEST = "transform.sha256"
"""Written by build.py, where there is a transform."""
ARITHMETIC = Context(prec=MOST_DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Of a transform's numbers: all digits of an item's, in each thread the same, whatever its module has set."""


def transform_in(folder: Path = PACKAGE_FOLDER) -> Transform | None:
    """The transform of the package in `folder`, None where it has none. Raises ConfigurationError where it cannot be
    used."""
    try:
        digest = (folder / DIGEST).read_text("ascii")
    except FileNotFoundError:
        return None
    return Transform(Bounded(_function(folder.parent / f"{MODULE}.py")), digest)


def _function(path: Path) -> Callable[..., object]:
    spec = spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise _unusable("it cannot be found")
    module = module_from_spec(spec)
    sys.modules[MODULE] = module  # a dataclass looks its module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code raises what it likes
        raise _unusable(f"its import raised {type(error).__name__}{_at(error)}") from None
    function: Any = getattr(module, FUNCTION, None)
    if why := problem(function):
        raise _unusable(why)
    return function  # type: ignore[no-any-return]


def problem(function: object) -> str:
    """Why a transform cannot be used; empty where it can."""
    if not callable(function):
        return f"it has no function `{FUNCTION}`"
    waits = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(each(function) for each in waits):
        return f"`{FUNCTION}` is async or yields, and what it gives is no document"
    try:
        inspect.signature(function).bind({}, {}, "")
    except TypeError:
        return f"`{FUNCTION}` does not take three arguments: transform(document, item, view)"
    except ValueError:  # of code that is not Python's nobody can tell
        pass
    return ""


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The package's transform cannot be used: {why}. Correct the file, build the package with it "
        "(`make package TRANSFORM=file`), and apply again."
    )


def _at(error: BaseException) -> str:
    """Where an exception came from in the user's code; its message may hold an item."""
    found = places(error, MOST_PLACES_SHOWN, without=_at.__code__.co_filename)
    return f" at {' '.join(found)}" if found else ""


class _LateError(BaseException):
    """A transform's time is over. No Exception, which user's code may catch."""


def _tell(_signal: int, _frame: object) -> NoReturn:
    raise _LateError


@dataclass(frozen=True)
class Bounded:
    """A user's function within its time; `longest` in seconds.

    In the main thread, to which alone Python hands signals, it is stopped when its time is over: so the stream and
    whatever it holds up never wait for one that does not end. Elsewhere (a backfill's pages) it is told when it ends.
    """

    function: Callable[..., object]
    longest: float = LONGEST_TRANSFORM

    def __call__(self, document: dict[str, Any], item: Mapping[str, Any], view: str) -> object:
        """A document or None. Raises TransformError, which says nothing of the item."""
        began = time.monotonic()
        is_main = threading.get_ident() == threading.main_thread().ident
        try:
            with localcontext(ARITHMETIC):
                found = (self._stopped if is_main else self.function)(document, item, view)
        except _LateError as error:
            raise self._late(_at(error)) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above; its message may hold an item
            raise TransformError(f"The transform raised {type(error).__name__}{_at(error)}. {REMEDY}") from None
        if time.monotonic() - began > self.longest:
            raise self._late("")
        return found

    def _stopped(self, *arguments: object) -> object:
        before = signal.signal(signal.SIGALRM, _tell)
        try:
            signal.setitimer(signal.ITIMER_REAL, self.longest, TOLD_AGAIN)
            try:
                return self.function(*arguments)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # also where the signal came just behind the function
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _late(self, at: str) -> TransformError:
        return TransformError(f"The transform took over {self.longest:g} s for one document{at}. {REMEDY}")
