"""The place in the purge log up to which everything has been carried out in the host tier, kept beside it.

A place that is behind costs some answers that are fetched once more; one that is ahead would let purged ones live. So
it is written after the host tier has noted the purges, and never moved back."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from gateway.sharing.words import number_of

NAME = "purges.place"


class PlaceFile:
    """A file with one line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def read(self) -> bytes:
        """The place; empty when there is none, or none that can be read."""
        try:
            place = self._path.read_bytes()[:64].strip()
            number_of(place)
        except (OSError, ValueError):
            return b""
        return place

    def write(self, place: bytes) -> None:
        """Keep a place, whole or not at all. A disk that is full or read-only is no reason to stop."""
        own = self._path.with_name(f"{NAME}.{os.getpid()}")
        with contextlib.suppress(OSError):
            before = self.read()
            if before and number_of(before) > number_of(place):
                return
            own.write_bytes(place + b"\n")
            os.replace(own, self._path)
