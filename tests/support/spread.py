"""Which worker of `make test` runs which file: half of the lab's workers have those that use the walk-through.

A worker applies it for its first file of them and destroys it behind its last, which takes two minutes of waiting: the
provider looks again after fixed times, whatever answers; a queue takes it 25 s, a collection 30 s, a bucket's
lifecycle rules 55 s. So three workers apply it, and not each. Whoever has nothing of its own left takes of the rest.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

from xdist.scheduler import LoadFileScheduling

from tests.support.repository import ROOT

WALKERS = ("gw0", "gw1", "gw2")
"""The workers that begin with the walk-through's files."""
_FIXTURE = re.compile(r"\bworkshop(_terraform)?: (Applied|Terraform)\b")


@functools.cache
def uses_workshop(file: str) -> bool:
    """Whether a file of the repository has tests of the applied walk-through."""
    return bool(_FIXTURE.search((ROOT / file).read_text("utf-8")))


def own_file(files: Iterable[str], worker: str, is_walk: Callable[[str], bool] = uses_workshop) -> str | None:
    """The first of the files that is of a worker's own kind, None where there is none."""
    return next((file for file in files if is_walk(file) == (worker in WALKERS)), None)


class Spread(LoadFileScheduling):  # type: ignore[misc]
    """`--dist loadfile`, which hands the files out in their order, with that choice in front."""

    def _assign_work_unit(self, node: Any) -> None:
        own = own_file(self.workqueue, node.gateway.id)
        if own is not None:
            self.workqueue.move_to_end(own, last=False)
        super()._assign_work_unit(node)
