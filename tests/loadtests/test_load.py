"""Stages of locust."""

from pathlib import Path

import pytest

from loadtests.load import Counted, LoadError, arguments_of_locust, read_counted, table, verdict

CSV = """\
Type,Name,Request Count,Failure Count,Requests/s,50%,95%,99%
GET,/json/1k,90,0,9.0,1,2,3
,Aggregated,120,{failures},12.5,{median},20,30
""".splitlines()


def counted(failures: int, median: str = "10") -> Counted:
    return read_counted(100, [line.format(failures=failures, median=median) for line in CSV])


def test_the_line_that_sums_up_is_read() -> None:
    assert counted(0) == Counted(100, requests=120, failures=0, requests_per_second=12.5, p50=10, p95=20, p99=30)


def test_a_percentile_that_locust_does_not_know_is_no_number() -> None:
    assert counted(0, median="N/A").p50 != counted(0, median="N/A").p50


def test_a_file_without_that_line_is_an_error() -> None:
    with pytest.raises(LoadError):
        read_counted(100, [line for line in CSV if "Aggregated" not in line])


def test_any_failure_and_silence_are_wrong() -> None:
    assert verdict([counted(0)]) == []
    assert verdict([counted(2)]) == ["100 users: 2 failed"]
    assert verdict([Counted(5, 0, 0, 0.0, 0.0, 0.0, 0.0)]) == ["5 users: no requests at all"]


def test_a_stage_runs_without_a_web_page_and_keeps_its_reports() -> None:
    argv = arguments_of_locust(500, 60, 8080, Path("results/load-500"))
    assert "--headless" in argv
    for name, value in (("--users", "500"), ("--run-time", "60s"), ("--html", "results/load-500.html")):
        assert argv[argv.index(name) + 1] == value


def test_the_table_has_a_row_for_each_stage() -> None:
    assert len(table([counted(0), counted(0)]).splitlines()) == 4
