"""Role sessions begun at the same time.

AWS: any number.
ministack: looks at all sessions whenever one is begun, and fails ("dictionary changed size during iteration") where
another thread begins one meanwhile, as a Distributed Map's children do.
"""

from __future__ import annotations

import time

from ministack.services import sts

from lab.cloud.patching import private, replace
from lab.cloud.sessions import Eviction


def apply() -> None:
    """Look at a copy, once in a while."""
    eviction = Eviction(private(sts, "_sessions"))
    replace(sts, "_evict_expired_sessions", lambda: eviction.evict(time.time()))
