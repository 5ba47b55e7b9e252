import os
from collections.abc import Iterator

import pytest

from gateway.figures.slab import COLUMNS, Row, Slab, allocate


@pytest.fixture
def small() -> Iterator[Slab]:
    made = Slab(rows=2)
    yield made
    made.close()


def test_what_a_worker_writes_into_its_mapping_the_supervisor_reads(small: Slab) -> None:
    number = small.take()
    worker = Row(os.dup(small.descriptor), number)
    worker.cells[COLUMNS - 1] = 2.5
    assert small.cells(number)[COLUMNS - 1] == 2.5
    worker.close()


def test_rows_do_not_overlap(small: Slab) -> None:
    first, second = small.take(), small.take()
    small.cells(first)[COLUMNS - 1] = 1.0
    small.cells(second)[0] = 2.0
    assert (small.cells(first)[COLUMNS - 1], small.cells(second)[0]) == (1.0, 2.0)
    assert small.cells(first)[0] == 0.0


def test_a_row_given_back_is_zero_when_it_is_taken_again(small: Slab) -> None:
    number = small.take()
    small.cells(number)[7] = 9.0
    small.give_back(number)
    assert small.take() == number
    assert list(small.cells(number)[:16]) == [0.0] * 16


def test_a_slab_without_a_free_row_says_so(small: Slab) -> None:
    small.take(), small.take()
    with pytest.raises(LookupError, match="in use"):
        small.take()


def test_a_closed_row_refuses_to_be_written(small: Slab) -> None:
    row = Row(small.descriptor, small.take())
    row.close()
    with pytest.raises(ValueError, match="released"):
        row.cells[0] = 1.0


def test_without_memfd_a_file_without_a_name_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    descriptor = allocate(4096)
    try:
        assert os.fstat(descriptor).st_size == 4096
        assert os.fstat(descriptor).st_nlink == 0
    finally:
        os.close(descriptor)
