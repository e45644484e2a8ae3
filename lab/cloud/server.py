"""ministack's application with the patches applied, our routes beside it, on the loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import hypercorn.asyncio  # type: ignore[import-not-found]
from hypercorn.config import Config  # type: ignore[import-not-found]
from ministack.app import app as ministack_app
from ministack.core import lambda_runtime

from lab.cloud import aging, calls
from lab.cloud.collections import Collections
from lab.cloud.event_sources import EventSources
from lab.cloud.patches import apply_all, lambda_worker
from lab.cloud.settings import Settings
from lab.process import LOOPBACK

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STATE_PATH = "/_lab/state"
AGE_PATH = "/_lab/age/"
"""Seconds follow."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; the triggers and gates end with it."""
    logging.getLogger("lab").setLevel(logging.INFO)
    collections = Collections(settings.engine_url, settings.behaviours)
    apply_all(settings, collections)
    sources = EventSources(settings)
    try:
        asyncio.run(_serve(settings, _with_state(collections, sources)))
    finally:
        sources.close()
        collections.close_all()
        # Python waits for the threads that wait for functions: a run's call may take 15 minutes.
        lambda_runtime.reset()


async def _serve(settings: Settings, application: Any) -> None:
    config = Config()
    config.bind = [f"{LOOPBACK}:{settings.port}"]
    # Longer than Go's 90 s (net/http DefaultTransport): a connection that the server closes may hold a request that it
    # has carried out, and the provider's second CreateRole is refused.
    config.keep_alive_timeout = 300
    # hypercorn's is 1,000, and one provider process sends more than that in a module of tests.
    config.keep_alive_max_requests = sys.maxsize
    # Functions under way must not hold the end up: nobody waits for their answer any more.
    config.graceful_timeout = 0.2
    config.loglevel = "WARNING"
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    async def until_stopped() -> None:
        await stopped.wait()

    await hypercorn.asyncio.serve(application, config, shutdown_trigger=until_stopped)


def _with_state(collections: Collections, sources: EventSources) -> Any:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == STATE_PATH:
            state = {
                "collections": collections.state(),
                "event_sources": sources.state(),
                "sandboxes": lambda_worker.sandboxes(),
                "functions_under_way": lambda_runtime.workers_in_use(),
                "calls": calls.state(),
                "granted": calls.granted(),
            }
            await _answer(send, json.dumps(state).encode())
        elif scope["type"] == "http" and scope["path"].startswith(AGE_PATH):
            aging.age(float(scope["path"].removeprefix(AGE_PATH)))
            await _answer(send, b"{}")
        else:
            if scope["type"] == "lifespan":
                sources.start()
            await ministack_app(scope, receive, send)

    return application


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
