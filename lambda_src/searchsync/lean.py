"""Less to import at a cold start, and less for the garbage collector to look at afterwards.

opensearch-py's `__init__` imports a client for each of the engine's APIs and a query language: a tenth of a cold start
and most of that package, for a transport and a connection. Another tenth is asyncio, for the name of one exception
that nothing here can raise, and another one charset_normalizer, for requests to guess the encoding of an answer that
names none: all answers are read as bytes here.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from searchsync.limits import COLLECT_AFTER


def without_init(*names: str) -> None:
    """Let modules of these packages, parents first, be imported alone. A package's `__init__` runs when something
    of its own is asked for, as if it were imported then; one that is not there stays away."""
    for name in names:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None:
            sys.modules[name] = _bare(spec)


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Within the block an import of these modules fails, as where they are not installed, and nobody is warned of that;
    one that is imported stays."""
    away = [name for name in names if name not in sys.modules]
    for name in away:
        sys.modules[name] = None  # type: ignore[assignment]  # what the import system takes for "not there"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in away:
            del sys.modules[name]


def tune() -> None:
    """Take all that is there now for lasting. An entry calls it when it has started.

    The parsed event of a large batch is hundreds of thousands of objects, none of them garbage before the
    invocation ends: looked at again and again they were half of its time.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _bare(spec: ModuleSpec) -> ModuleType:
    module = module_from_spec(spec)

    def whole(attribute: str) -> Any:
        if spec.loader is None or attribute.startswith("__"):
            raise AttributeError(f"{spec.name} has no {attribute}")
        del module.__dict__["__getattr__"]
        spec.loader.exec_module(module)
        return getattr(module, attribute)

    module.__dict__["__getattr__"] = whole
    return module
