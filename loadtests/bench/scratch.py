"""Where configurations, and the files of peers that cache in files, are kept during a run."""

import os
from pathlib import Path

IN_MEMORY = Path("/dev/shm")


def scratch_root(candidate: Path = IN_MEMORY) -> Path | None:
    """A directory in memory, so that no disk takes part; None, for the usual place, where there is none to use.

    Programs must be allowed in it: Varnish compiles its configuration to one and runs it from there."""
    try:
        runs_programs = not os.statvfs(candidate).f_flag & os.ST_NOEXEC
    except OSError:
        return None
    return candidate if runs_programs and os.access(candidate, os.W_OK | os.X_OK) else None
