"""The smallest history that still fails: steps taken away, in halves and one by one, then made plain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from tests.support.history.steps import During, History, Setup

Fails = Callable[[History], bool]


def minimise(history: History, fails: Fails, most: int = 250) -> History:
    """A history of which nothing more can be taken away; `fails` says whether one is still bad, `most` times."""
    asked = {history}

    def ask(candidate: History) -> bool:
        # Once each: steps that are plain in two ways would be made the one and the other for ever.
        if candidate in asked or len(asked) > most:
            return False
        asked.add(candidate)
        return fails(candidate)

    return _smallest(history, ask)


def _smallest(history: History, fails: Fails) -> History:
    while (smaller := _pass(history, fails)) != history:
        history = smaller
    return history


def _pass(history: History, fails: Fails) -> History:
    size = max(1, len(history.steps) // 2)
    while size:
        at = 0
        while at < len(history.steps):
            candidate = replace(history, steps=history.steps[:at] + history.steps[at + size :])
            if fails(candidate):
                history = candidate
            else:
                at += size
        size //= 2
    for name in [each.name for each in fields(Setup)]:
        candidate = replace(history, setup=replace(history.setup, **{name: getattr(Setup(), name)}))
        if candidate != history and fails(candidate):
            history = candidate
    for at in range(len(history.steps)):
        for plainer in _plainer(history.steps[at]):
            candidate = replace(history, steps=(*history.steps[:at], plainer, *history.steps[at + 1 :]))
            if fails(candidate):
                history = candidate
                break
    return history


def _plainer(step: Any) -> Iterator[Any]:
    """Plainer steps, the plainest first: its parts by their defaults, a trouble at once, an earlier moment."""
    if isinstance(step, During):
        yield step.step
        yield from (replace(step, moment=moment) for moment in range(1, step.moment))
        yield from (replace(step, step=plainer) for plainer in _plainer(step.step))
        return
    for each in fields(step):
        value = getattr(step, each.name)
        if isinstance(each.default, type(value)) and value != each.default:
            yield replace(step, **{each.name: each.default})
        if isinstance(value, int) and not isinstance(value, bool) and value > 1:
            yield replace(step, **{each.name: 1})
            yield replace(step, **{each.name: value - 1})
