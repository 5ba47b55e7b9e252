"""Which store a route has, and where its files are."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from plugins.idempotency.directory import remove_unused

_PREFIX = "slipstream-idempotency"
_IN_MEMORY = Path("/dev/shm")


def shared_directory(parent: Path | None = None) -> Path:
    """The directory that all workers of this gateway find: named after their common parent process. Those of gateways
    that have ended are removed."""
    if parent is None:
        parent = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    own = parent / f"{_PREFIX}-{os.getuid()}-{os.getppid()}"
    if not own.exists():
        remove_unused(parent, f"{_PREFIX}-{os.getuid()}-*")
    return own


def directory_of(store: str, workers: int) -> Path | None:
    """The directory that the setting `store` means; `None` for the worker's own memory."""
    if store == "memory" or (store == "auto" and workers == 1):
        return None
    return shared_directory() if store == "auto" else Path(store)
