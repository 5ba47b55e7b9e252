"""What counts as right, and as good enough."""

import argparse
import json
from dataclasses import replace

import pytest

from loadtests.batch import EVERY_MISSING, BatchOutcome, Outcome, batch_table, faults, is_right, run, table

PLAIN = Outcome("plain", [0.1] * 1000, calls=1000, bulk=0, wrong=0, missing=5)
MERGED = Outcome("merged", [0.05] * 1000, calls=60, bulk=50, wrong=0, missing=5)
BATCH = BatchOutcome(50, alone=0.1, together=0.12, one_by_one=3.0, right=True)


def test_a_good_run_has_no_faults() -> None:
    assert faults(PLAIN, MERGED, replace(MERGED, what="broken", calls=500), BATCH) == []


@pytest.mark.parametrize(
    ("merged", "batch", "fault"),
    [
        (replace(MERGED, calls=101), BATCH, "cut by 89.9% only"),
        (replace(MERGED, seconds=[0.1] * 1000), BATCH, "p95"),
        (replace(MERGED, wrong=1), BATCH, "1 wrong"),
        (replace(MERGED, missing=0), BATCH, "missing"),
        (MERGED, replace(BATCH, together=0.14), "1.40 times"),
        (MERGED, replace(BATCH, right=False), "answered wrongly"),
    ],
)
def test_each_promise_that_is_not_kept_is_named(merged: Outcome, batch: BatchOutcome, fault: str) -> None:
    (said,) = faults(PLAIN, merged, PLAIN, batch)
    assert fault in said


def test_answers_are_compared_with_what_the_origin_would_have_said() -> None:
    assert is_right(1, 200, json.dumps({"id": 1}).encode())
    assert not is_right(1, 200, b'{"id": 2}')
    assert not is_right(1, 404, b"")
    assert is_right(EVERY_MISSING, 404, b"")
    assert not is_right(EVERY_MISSING, 200, json.dumps({"id": EVERY_MISSING}).encode())


def test_the_tables_show_what_was_saved() -> None:
    row = [cell.strip() for cell in table([MERGED]).splitlines()[-1].strip("|").split("|")]
    assert row == ["merged", "1,000", "60", "50", "94.0%", "50", "50", "5", "0"]
    row = [cell.strip() for cell in batch_table(BATCH).splitlines()[-1].strip("|").split("|")]
    assert row == ["50 items", "100", "120", "1.20", "3000", "yes"]


def test_a_small_run_is_answered_rightly(capsys: pytest.CaptureFixture[str]) -> None:
    run(argparse.Namespace(clients=40, ids=20, rounds=2, items=5))
    printed = capsys.readouterr().out
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line.startswith("|")
    ]
    assert [row[-1] for row in rows if "merging" in row[0] or "bulk" in row[0]] == ["0", "0", "0"]
    assert [row[-1] for row in rows if "items" in row[0]] == ["yes"]
