"""The gate's admin port, and `GateClient`: faults and counts when the gate is another process.

| request | answer |
| --- | --- |
| GET /counts | the counts |
| DELETE /counts | counted from zero again |
| POST /faults, a JSON array of faults | injected |
| DELETE /faults | cleared |
| PUT /clock, {"offset": seconds} | the Date header's offset |
| GET /behaviours | the behaviours now |
| PUT /behaviours, the fields of `Behaviours` that differ from its defaults | behaves so |
"""

from __future__ import annotations

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from lab.behaviours import Behaviours
from lab.closing import Closing
from lab.faults import Fault
from lab.gate import Gate, GateCounts
from lab.process import LOOPBACK

CLIENT_TIMEOUT_SECONDS = 10.0


class GateControl(Protocol):
    """What `Gate` and `GateClient` share."""

    def inject(self, *faults: Fault) -> None:
        """Ask for faults."""

    def clear(self) -> None:
        """Forget all faults that are not used up."""

    def set_clock_offset(self, seconds: float) -> None:
        """Let the Date header run ahead."""

    def reset_counts(self) -> None:
        """Begin to count again at zero."""

    @property
    def counts(self) -> GateCounts:
        """The counts now."""
        ...


class GateAdmin(Closing):
    """The admin port of a gate that runs in this process; a context manager."""

    def __init__(self, gate: Gate, port: int = 0) -> None:
        """Begin to listen; `port` 0 takes a free one."""
        handler = type("_BoundAdminHandler", (_AdminHandler,), {"gate": gate})
        self._server = ThreadingHTTPServer((LOOPBACK, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gate-admin", daemon=True)
        self._thread.start()
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening; the gate itself goes on."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class GateClient:
    """A gate in another process, by its admin URL; the same verbs as `Gate`."""

    def __init__(self, admin_url: str) -> None:
        self._url = admin_url.rstrip("/")
        # Without proxies: a proxy of the environment must not be asked for a loopback address.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def inject(self, *faults: Fault) -> None:
        """Ask for faults; each hits the requests that it describes until it is used up."""
        self._call("POST", "/faults", [fault.as_json() for fault in faults])

    def clear(self) -> None:
        """Forget all faults that are not used up."""
        self._call("DELETE", "/faults")

    def set_clock_offset(self, seconds: float) -> None:
        """Let the Date header run ahead (or, negative, behind)."""
        self._call("PUT", "/clock", {"offset": seconds})

    def behave(self, behaviours: Behaviours) -> None:
        """Behave so from now on."""
        self._call("PUT", "/behaviours", behaviours.as_json())

    @property
    def behaviours(self) -> Behaviours:
        """The behaviours now."""
        return Behaviours.from_json(self._call("GET", "/behaviours"))

    def reset_counts(self) -> None:
        """Begin to count again at zero."""
        self._call("DELETE", "/counts")

    @property
    def counts(self) -> GateCounts:
        """The counts now."""
        return GateCounts(**self._call("GET", "/counts"))

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method)
        with self._opener.open(request, timeout=CLIENT_TIMEOUT_SECONDS) as answer:
            return json.load(answer)


class _AdminHandler(BaseHTTPRequestHandler):
    gate: Gate

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            answer, status = self._act(json.loads(body or b"null")), 200
        except (KeyError, TypeError, ValueError) as error:
            answer, status = {"error": repr(error)}, 400
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    # The base class asks for one method a verb.
    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _act(self, body: Any) -> dict[str, Any]:
        match self.command, self.path:
            case "GET", "/counts":
                return self.gate.counts.as_json()
            case "DELETE", "/counts":
                self.gate.reset_counts()
            case "POST", "/faults":
                self.gate.inject(*(Fault.from_json(fields) for fields in body))
            case "DELETE", "/faults":
                self.gate.clear()
            case "PUT", "/clock":
                self.gate.set_clock_offset(float(body["offset"]))
            case "GET", "/behaviours":
                return self.gate.behaviours.as_json()
            case "PUT", "/behaviours":
                self.gate.behave(Behaviours.from_json(body))
            case _:
                raise ValueError(f"no such request: {self.command} {self.path}")
        return {}
