"""The named configurations: which features meet. What `make test` explores, and what `make prove` adds."""

from __future__ import annotations

from dataclasses import replace

from tests.support.protocol.rules import Configuration, Rules

OFF_BY_ONE = (-1, 1)
TIMED = Configuration("timed tombstones", 2, tombstone=3, late=2)
LAGGING = replace(TIMED, name="timed tombstones, reads behind writes", reads_late=True)
SILENT = replace(LAGGING, name="timed tombstones, reads behind writes, silent conflicts", silent=True)
POISON = Configuration("poison and redrive", 2, poison=True, redrive=True, wire=0, stream_clock=(0,))
LATER = replace(POISON, writes=1, wire=1, stream_clock=(-1, 0))
DROPS = Configuration("drops and repair", 2, drops=True, repair=True, wire=0, stream_clock=(0,), live=True)
CLOCKS = Configuration(
    "clocks",
    2,
    rules=Rules(max_skew=3),
    stream_clock=OFF_BY_ONE,
    function_clock=OFF_BY_ONE,
    reader_clock=OFF_BY_ONE,
)
LATE = Configuration("late requests", 2, live=True)
SHARDS = Configuration("shards and lanes", 2, lanes=True, split=True, live=True)
ALONE = Configuration("handed over alone", 1, redrive=True, alone=True, live=True)
VIEWS = Configuration("views and redrive", 2, redrive=True, views=True, wire=0, stream_clock=(0,), live=True)
EXPIRY = Configuration("expiry", 2, expires=True, wire=0, stream_clock=(0,), live=True)
FUTURE = Configuration("a document from the future", 1, poison=True, redrive=True, future=True, live=True)

TESTED = (
    LATE,
    replace(LATE, name="a run's pages", page=True, wire=0),
    SHARDS,
    TIMED,
    LAGGING,
    POISON,
    replace(LATER, name="poison, late requests, clock running back", live=True),
    replace(LATER, name="poison, mended, a run's pages", mended=True, page=True),
    DROPS,
    replace(LATER, name="drops, poison, timed tombstones", drops=True, repair=True, tombstone=3, late=2, live=True),
    replace(
        LATER,
        name="drops, poison, timed tombstones, silent conflicts",
        drops=True,
        repair=True,
        tombstone=3,
        late=2,
        reads_late=True,
        silent=True,
        live=True,
    ),
    replace(CLOCKS, name="clocks and redrive", writes=1, page=True, poison=True, redrive=True),
    replace(CLOCKS, name="clocks and repair", writes=1, drops=True, repair=True),
    FUTURE,
    replace(VIEWS, name="views and poison", redrive=False, poison=True),
    replace(VIEWS, name="views, poison and redrive", writes=1, poison=True),
    replace(VIEWS, name="views, drops and repair", writes=1, drops=True, repair=True),
    replace(VIEWS, name="views, a run's pages, late requests", writes=1, page=True, wire=1, tombstone=3, late=2),
    EXPIRY,
    replace(EXPIRY, name="expiry, clock running back", stream_clock=(-1, 0)),
    replace(EXPIRY, name="expiry and lanes", lanes=True),
    ALONE,
    replace(ALONE, name="handed over alone, drops, timed tombstones", drops=True, repair=True, tombstone=3, late=2),
)
"""What `make test` explores."""

PROVED = (
    *TESTED,
    replace(LATE, name="a run's pages and late requests", page=True),
    replace(LATE, name="records without image, low bits of zero", imageless=True, low_bits_zero=True, lanes=True),
    SILENT,
    replace(
        LATER,
        name="silent conflicts, poison, redrive, a run's pages",
        page=True,
        tombstone=3,
        late=2,
        reads_late=True,
        silent=True,
        live=True,
    ),
    replace(EXPIRY, name="expiry, late requests", wire=1, live=False),
    replace(EXPIRY, name="expiry, three changes", writes=3, live=False),
    replace(EXPIRY, name="expiry, silent conflicts", tombstone=3, late=2, reads_late=True, silent=True, live=False),
    replace(ALONE, name="handed over alone, two changes", writes=2, wire=0, stream_clock=(0,), live=False),
    replace(ALONE, name="handed over alone, late requests", writes=2, stream_clock=(0,), rising=True, live=False),
    replace(ALONE, name="handed over alone, a run's pages", page=True, tombstone=3, late=2),
    replace(ALONE, name="handed over alone, reads behind writes", tombstone=3, late=2, reads_late=True, silent=True),
    replace(VIEWS, name="views, poison and redrive of two changes", poison=True),
    replace(VIEWS, name="views, poison, late requests, clock running back", poison=True, wire=1, stream_clock=(-1, 0)),
    replace(VIEWS, name="views, poison, drops and repair", poison=True, drops=True, repair=True, live=False),
    replace(LATE, name="three changes", writes=3, stream_clock=(0,), rising=True, live=False),
    replace(CLOCKS, name="clocks and shards", split=True),
    replace(TIMED, name="timed tombstones and a run's pages", page=True),
    replace(POISON, name="poison and redrive, clock running back", stream_clock=(-1, 0), live=True),
    replace(POISON, name="poison, redrive and late requests", wire=1, rising=True),
    replace(DROPS, name="drops, repair and late requests", wire=1, rising=True, live=False),
)
"""What `make prove` explores."""
