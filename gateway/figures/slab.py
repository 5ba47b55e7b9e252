"""The slab: doubles in shared memory, one row for each worker and one for the supervisor.

The supervisor makes it once; a worker inherits the descriptor and maps its own row alone, so that no
fault of a worker can touch the figures of another. Pages nobody has written to take no memory."""

import contextlib
import mmap
import os
import tempfile

OCTETS_PER_CELL = 8

COLUMNS = 16_384
"""Cells in a row: 128 KiB, a multiple of every common page size, as mapping a single row needs."""

ROWS = 640
"""Rows of a slab: room for 256 workers, their replacements and the supervisor. Only touched pages exist."""


def allocate(octets: int) -> int:
    """A descriptor of anonymous shared memory of that size; a file without a name where memfd is missing."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("slipstream-figures", os.MFD_CLOEXEC)
    else:
        descriptor, path = tempfile.mkstemp(prefix="slipstream-figures-")
        os.unlink(path)
    os.ftruncate(descriptor, octets)
    return descriptor


class Row:
    """One row of the slab, mapped. `cells` stays valid until `close`."""

    __slots__ = ("_map", "cells")

    def __init__(self, descriptor: int, row: int, columns: int = COLUMNS) -> None:
        octets = columns * OCTETS_PER_CELL
        self._map = mmap.mmap(descriptor, octets, offset=row * octets)
        self.cells: memoryview[float] = memoryview(self._map).cast("d")

    def close(self) -> None:
        """Give the mapping back. Children that still hold the cells fail from here on."""
        self.cells.release()
        with contextlib.suppress(BufferError):  # somebody looks at a slice: the mapping goes with the last of them
            self._map.close()


class Slab:
    """The supervisor's side: every row, and which of them are free."""

    def __init__(self, rows: int = ROWS, columns: int = COLUMNS) -> None:
        self.columns = columns
        self.descriptor = allocate(rows * columns * OCTETS_PER_CELL)
        self._rows: dict[int, Row] = {}
        self._free = list(range(rows - 1, -1, -1))

    def take(self) -> int:
        """The number of a row that is all zeros. Raises `LookupError` when every row is in use."""
        if not self._free:
            raise LookupError("every row of the figures slab is in use")
        number = self._free.pop()
        self._rows[number] = Row(self.descriptor, number, self.columns)
        return number

    def cells(self, number: int) -> "memoryview[float]":
        """The cells of a row that was taken."""
        return self._rows[number].cells

    def give_back(self, number: int) -> None:
        """Zero the row and make it free for the next worker. Its last owner must be gone."""
        row = self._rows.pop(number)
        row.cells[:] = memoryview(bytes(self.columns * OCTETS_PER_CELL)).cast("d")
        row.close()
        self._free.append(number)

    def close(self) -> None:
        """Let go of everything."""
        for row in self._rows.values():
            row.close()
        self._rows.clear()
        os.close(self.descriptor)
