"""`make prove`: the protocol's model at its larger bound.   python -m tests.support.prove_model [part of a name]"""

from __future__ import annotations

import sys
import time

from tests.support.protocol.configurations import PROVED
from tests.support.protocol.explore import explore


def main() -> int:
    """Explore every configuration; 1 when one is wrong anywhere."""
    wanted = " ".join(sys.argv[1:])
    wrong = 0
    for world in PROVED:
        if wanted not in world.name:
            continue
        began = time.process_time()
        found = explore(world)
        wrong += bool(found.wrong)
        verdict = found.wrong or ("always comes to rest" if world.live else "converges")
        print(f"{world.name:48} {found.states:10,} states {time.process_time() - began:7.1f} s  {verdict}", flush=True)
        for state in found.way:
            print("   ", state)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
