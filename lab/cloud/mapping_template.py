"""API Gateway mapping templates: Velocity (airspeed) with $input, $util, $context.

Names and behaviour: "Mapping template reference" of the API Gateway developer guide.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import airspeed

_STEP = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*)|\[(?:'(?P<quoted>[^']*)'|(?P<index>\d+))\]")
_ESCAPES = {'"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f"} | {
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


@dataclass(frozen=True)
class Exchange:
    """What a template can read: the request, or with `answered` the integration's answer."""

    body: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    stage_variables: Mapping[str, str]
    context: Mapping[str, Any]

    def answered(self, body: str) -> Exchange:
        """The same request with the integration's answer as body."""
        return replace(self, body=body)

    def at(self, path: str) -> Any:
        """The part of the JSON body at a JSONPath such as `$.a['b'][0]`; None when absent."""
        try:
            node = json.loads(self.body) if self.body.strip() else {}
        except ValueError:
            return None
        for step in _STEP.finditer(path):
            key: Any = step["name"] or step["quoted"]
            if step["index"] is not None:
                key = int(step["index"])
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                return None
        return node


class _Input:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.body = exchange.body

    def path(self, path: str) -> Any:
        found = self._exchange.at(path)
        return "" if found is None else found

    def json(self, path: str) -> str:
        return json.dumps(self._exchange.at(path), separators=(",", ":"), ensure_ascii=False)

    def params(self, name: str | None = None) -> Any:
        places = {
            "path": dict(self._exchange.path),
            "querystring": dict(self._exchange.query),
            "header": dict(self._exchange.headers),
        }
        if name is None:
            return places
        if name in places:
            return places[name]
        found = (self._exchange.path, self._exchange.query, self._exchange.headers)
        return next((place[name] for place in found if name in place), "")


class _Util:
    """$util; the names are API Gateway's."""

    def escapeJavaScript(self, text: Any) -> str:  # noqa: N802
        return "".join(_escaped(character) for character in _text(text))

    def parseJson(self, text: str) -> Any:  # noqa: N802
        return json.loads(text)

    def urlEncode(self, text: Any) -> str:  # noqa: N802
        return urllib.parse.quote_plus(_text(text), safe="*")

    def urlDecode(self, text: str) -> str:  # noqa: N802
        return urllib.parse.unquote_plus(text)

    def base64Encode(self, text: Any) -> str:  # noqa: N802
        return base64.b64encode(_text(text).encode()).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        return base64.b64decode(text).decode()


def render(template: str, exchange: Exchange) -> str:
    """The template's text for one exchange."""
    names = {
        "input": _Input(exchange),
        "util": _Util(),
        "context": dict(exchange.context),
        "stageVariables": dict(exchange.stage_variables),
    }
    return str(airspeed.Template(template).merge(names))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    number = ord(character)
    if 32 <= number <= 126:
        return character
    # As Java does: two escapes for a character beyond the basic plane.
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{high:02X}{low:02X}" for high, low in pairs)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
