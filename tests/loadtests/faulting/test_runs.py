from dataclasses import replace

from loadtests.faulting.clients import Told
from loadtests.faulting.runs import HEADER, RUNS, Outcome
from loadtests.faults import broken_promises

BY_NAME = {run.name: run for run in RUNS}


def outcome(name: str, during: list[int], *, slow: float = 0.001, recovered: float | None = 1.0) -> Outcome:
    """A run with good answers before, and these in an outage that is seen after a tenth of a second."""
    before = [Told(number / 100, 0.001, 200, "0", False) for number in range(100)]
    answers = [Told(2.0 + number / 100, slow, status, "1", False) for number, status in enumerate(during)]
    return Outcome(BY_NAME[name], [*before, *answers], (2.0, 20.0), 0.1, recovered, 3, len(during))


def test_every_fault_has_its_run() -> None:
    words = " ".join(BY_NAME)
    for fault in ("refuses", "hangs", "slow", "resets", "503", "flaps", "all", "warm cache", "restart", "DNS"):
        assert fault in words


def test_a_row_has_a_figure_for_each_column() -> None:
    assert len(outcome("one of three hangs", [200] * 50).row) == len(HEADER)


def test_failures_before_detection_break_no_promise() -> None:
    assert broken_promises(outcome("one of three hangs", [504] * 10 + [200] * 1000)) == []


def test_failures_after_it_do() -> None:
    (wrong,) = broken_promises(outcome("one of three refuses", [200] * 100 + [502] * 5))
    assert "after detection" in wrong


def test_a_slow_p99_behind_a_server_that_hangs_does() -> None:
    (wrong,) = broken_promises(outcome("one of three hangs", [200] * 100, slow=0.5))
    assert "p99 500 ms" in wrong


def test_a_stored_answer_that_was_not_given_does() -> None:
    (wrong,) = broken_promises(outcome("all refuse, warm cache", [200] * 99 + [502]))
    assert "stored" in wrong


def test_failures_long_after_the_end_do() -> None:
    seen = outcome("all hang", [504] * 10)
    assert (seen.well, broken_promises(seen)) == (0.0, [])
    late = replace(seen, told=[*seen.told, Told(26.0, 0.5, 503, "", False)])
    assert late.well == 6.5
    (wrong,) = broken_promises(late)
    assert "6.5 s after the outage" in wrong
