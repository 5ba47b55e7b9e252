from datetime import UTC, datetime, timedelta

import pytest

from gateway.config.settings import SweepSettings
from gateway.supervisor.sweep_schedule import Timetable

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def sweep(schedule: str | None = "*/10 * * * *", time_zone: str = "UTC") -> dict[str, SweepSettings]:
    said = {} if schedule is None else {"schedule": schedule, "time_zone": time_zone}
    return {"often": SweepSettings.model_validate(said)}


def test_a_sweep_is_due_once_for_each_turn() -> None:
    timetable = Timetable()
    assert timetable.due(sweep(), NOON) == []
    assert timetable.due(sweep(), NOON + timedelta(minutes=9, seconds=59)) == []
    assert timetable.due(sweep(), NOON + timedelta(minutes=10)) == ["often"]
    assert timetable.due(sweep(), NOON + timedelta(minutes=10, seconds=1)) == []
    assert timetable.due(sweep(), NOON + timedelta(minutes=20)) == ["often"]


def test_turns_that_were_missed_count_once() -> None:
    timetable = Timetable()
    timetable.due(sweep(), NOON)
    assert timetable.due(sweep(), NOON + timedelta(hours=5)) == ["often"]
    assert timetable.due(sweep(), NOON + timedelta(hours=5, minutes=9)) == []


def test_a_clock_that_is_set_back_brings_no_turn_twice() -> None:
    timetable = Timetable()
    timetable.due(sweep(), NOON)
    timetable.due(sweep(), NOON + timedelta(minutes=10))
    assert timetable.due(sweep(), NOON) == []
    assert timetable.due(sweep(), NOON + timedelta(minutes=10)) == []


def test_another_schedule_counts_from_now_on() -> None:
    timetable = Timetable()
    timetable.due(sweep(), NOON)
    assert timetable.due(sweep("*/3 * * * *"), NOON + timedelta(hours=1)) == []
    assert timetable.next_at("often") == (NOON + timedelta(hours=1, minutes=3)).timestamp()


def test_without_a_schedule_nothing_is_due() -> None:
    timetable = Timetable()
    timetable.due(sweep(), NOON)
    assert timetable.due(sweep(None), NOON + timedelta(days=2)) == []
    assert timetable.next_at("often") is None


@pytest.mark.parametrize(
    ("day", "turn"),
    [
        (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 12, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_hour_that_is_skipped_or_comes_twice_brings_one_turn(day: datetime, turn: datetime) -> None:
    timetable = Timetable()
    wanted = sweep("30 2 * * *", "Europe/Vienna")
    timetable.due(wanted, day)
    assert timetable.next_at("often") == turn.timestamp()
    assert timetable.due(wanted, turn) == ["often"]
    assert timetable.next_at("often") != turn.timestamp() + 3600


def test_the_clock_hangs_where_the_settings_say() -> None:
    timetable = Timetable()
    timetable.due(sweep("30 2 * * *", "Asia/Tokyo"), NOON)
    assert timetable.next_at("often") == datetime(2026, 3, 1, 17, 30, tzinfo=UTC).timestamp()
