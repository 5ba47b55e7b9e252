import pytest

from gateway.chain.registry import settings_of
from gateway.config import ConfigError, load_text
from gateway.supervisor.report import ReloadReport, Result, mistakes_of, timestamp


def test_mistakes_keep_their_place_and_what_the_check_command_shows() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text('upstreams: {app: {servers: ["http://127.0.0.1:1"]}}\nwrokers: 2\n', settings_of)
    (mistake,) = mistakes_of(refused.value)
    assert (mistake["file"], mistake["line"], mistake["column"], mistake["path"]) == ("config.yaml", 2, 1, "wrokers")
    assert mistake["hint"] == "did you mean 'workers'?"
    assert mistake["rendered"].endswith("\n    wrokers: 2\n    ^")


def test_a_report_becomes_json() -> None:
    report = ReloadReport(0.0, "file", Result.REFUSED, 3, ({"message": "no"},), ("later",))
    assert report.to_json() == {
        "at": "1970-01-01T00:00:00.000Z",
        "trigger": "file",
        "result": "refused",
        "generation": 3,
        "mistakes": [{"message": "no"}],
        "notes": ["later"],
    }


def test_times_are_in_utc_to_the_millisecond() -> None:
    assert timestamp(1_700_000_000.1239) == "2023-11-14T22:13:20.123Z"
