"""Which worker runs which file: the lab's mostly wait, for Terraform's provider above all, and others compute.

The provider looks again after fixed times, whatever answers: a queue takes it 25 s, a collection 30 s, a bucket's
lifecycle rules 55 s. So there are more workers than cores, and one of them begins with what computes: a core that
those who wait leave free has work all the time. Whoever has nothing of its own left takes of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xdist.scheduler import LoadFileScheduling

WAITING = "tests/lab/"
COMPUTING_WORKERS = ("gw0",)


def own_file(files: Iterable[str], worker: str) -> str | None:
    """The first of the files that is of a worker's own kind, None where there is none."""
    computes = worker in COMPUTING_WORKERS
    return next((file for file in files if file.startswith(WAITING) != computes), None)


class Spread(LoadFileScheduling):  # type: ignore[misc]
    """`--dist loadfile`, which hands the files out in their order, with that choice in front."""

    def _assign_work_unit(self, node: Any) -> None:
        own = own_file(self.workqueue, node.gateway.id)
        if own is not None:
            self.workqueue.move_to_end(own, last=False)
        super()._assign_work_unit(node)
