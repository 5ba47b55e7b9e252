"""What may fail while workers are killed, and what may not."""

from dataclasses import replace

from loadtests.chaos import Disturber, Outcome, table
from loadtests.support.wrk import Figures

NONE = {"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}
FINE = Outcome("it runs", 3, Figures(1000, 2.0, 0, NONE, p50=1000, p95=50_000, p99=90_000), excused=0)


def with_errors(excused: int = 0, **errors: int) -> Outcome:
    return replace(FINE, excused=excused, figures=replace(FINE.figures, errors={**NONE, **errors}))


def test_a_run_without_errors_and_with_short_latencies_is_fine() -> None:
    assert FINE.faults() == []


def test_requests_in_flight_in_a_killed_worker_are_excused_and_no_more() -> None:
    assert with_errors(read=10, excused=10).faults() == []
    assert with_errors(read=8, write=3, excused=10).faults() == ["it runs: 11 connections lost, at most 10 may be"]


def test_a_refused_connection_a_time_out_and_a_bad_status_are_never_excused() -> None:
    for kind in ("connect", "status", "timeout"):
        assert len(with_errors(excused=100, **{kind: 1}).faults()) == 1


def test_a_slow_run_and_one_without_answers_fail() -> None:
    slow = replace(FINE, figures=replace(FINE.figures, p95=200_001))
    assert slow.faults() == ["it runs: p95 200 ms"]
    silent = replace(FINE, figures=replace(FINE.figures, requests=0))
    assert silent.faults() == ["it runs: nothing was answered"]


def test_the_table_gives_the_error_rate() -> None:
    row = table([with_errors(read=10, excused=4)]).splitlines()[-1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == (
        ["it runs", "3", "1,000", "500", "10", "4", "0.9901%", "50.0", "90.0"]
    )


def test_a_disturber_adds_up_what_it_did_until_it_is_told_to_stop() -> None:
    disturber: Disturber

    def disturb() -> int:
        if disturber.count == 2:
            disturber._stop.set()
        return 5

    disturber = Disturber(0.0, disturb)
    with disturber:
        disturber._stop.wait()
    assert (disturber.count, disturber.excused) == (3, 15)
