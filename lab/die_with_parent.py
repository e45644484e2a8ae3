"""Becomes the command in its arguments, after asking Linux to end it with its parent.

A script of its own and not a `preexec_fn`: code between fork and exec can deadlock a parent that
has threads. Usage: die_with_parent.py <parent's pid> <command> [argument ...]
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # A parent that died before the call would never be noticed.
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - becoming that command is the point
