"""Replace a name in ministack, loudly when it is no longer there."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lab.errors import LabError


def replace(module: ModuleType | type, name: str, value: Any) -> Any:
    """Put `value` in place of `module.name` and return what was there.

    LabError when the name is gone: another version of ministack, where the patch would do nothing.
    """
    original = private(module, name)
    setattr(module, name, value)
    return original


def private(module: Any, name: str) -> Any:
    """`module.name`, LabError when there is none."""
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise LabError(
            f"{getattr(module, '__name__', module)} has no {name}: this lab patches ministack 1.5.33. Install the "
            "locked version (make setup), or adapt lab/cloud/patches to the new one."
        ) from error
