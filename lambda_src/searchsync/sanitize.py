"""What others say, fit for a message of ours: on one line, printable, not too long. Pure.

A message is printed by Lambda as it is: a line break would end the line, an escape sequence would speak to
the terminal of whoever reads the log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from traceback import walk_tb

from searchsync.limits import LONGEST_SHOWN, MOST_SHOWN

CODE = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def shown(text: object) -> str:
    """A text in quotes, with what cannot be printed escaped, and cut."""
    return repr(str(text)[:LONGEST_SHOWN])


def shown_list(texts: list[str]) -> str:
    """A list's first texts, each as `shown`."""
    return "[" + ", ".join(map(shown, texts[:MOST_SHOWN])) + (", …]" if len(texts) > MOST_SHOWN else "]")


def code(text: object) -> str:
    """The name of an error's type or code; empty where it is none, for other texts may quote an item."""
    return text if isinstance(text, str) and CODE.fullmatch(text) else ""


def code_of(error: Exception) -> str:
    """The name of what an AWS client raised: the answer's code, or its type where it carries none."""
    response = getattr(error, "response", None)
    said = response.get("Error", {}).get("Code") if isinstance(response, Mapping) else None
    return code(said) or type(error).__name__


def places(error: BaseException, most: int, without: str = "") -> list[str]:
    """Where an exception came from, the innermost places last: files and lines, and nothing of what they say. Left out
    are those of Python's own import, and of the file `without`."""
    found = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    return [
        f"{PurePath(path).name}:{line}" for path, line in found if path != without and not path.startswith("<frozen")
    ][-most:]
