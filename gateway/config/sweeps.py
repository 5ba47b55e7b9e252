"""Settings of sweeps: what is stored is asked about in the background, on demand or by the clock."""

import re
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import OneOrMany
from gateway.config.units import Duration, OrOff, PositiveDuration, seconds

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_URL = re.compile(r"https?://[^/?#\s]+(?:[/?]\S*)?", re.IGNORECASE)


class Order(Enum):
    """What is asked about first."""

    SAVES = "saves"
    """What saves the origin most: uses, times what an answer takes."""
    USES = "uses"
    EXPIRY = "expiry"
    """What expires soonest."""
    AGE = "age"
    """What was confirmed longest ago."""


def _check_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise SettingError("is not a name for a sweep", hint="use up to 64 letters, digits, _, - and .")
    return text


def _check_schedule(text: str) -> str:
    try:
        next(CronSim(text, datetime.now(UTC)))
    except (CronSimError, StopIteration) as error:
        why = str(error) or "it never comes to pass"
        raise SettingError(
            f"is no schedule: {why}", hint='write minute, hour, day, month and day of the week, such as "30 4 * * *"'
        ) from None
    return text


def zone_of(name: str) -> tzinfo:
    """The time zone of that name. UTC is there on every machine. Raises ValueError."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError) as error:
        raise ValueError(f"no time zone {name!r} on this machine") from error


def _check_zone(text: str) -> str:
    try:
        zone_of(text)
    except ValueError:
        raise SettingError("is no time zone of this machine", hint="write UTC or Europe/Vienna") from None
    return text


def _check_prefix(text: str) -> str:
    if not text.isascii() or not _URL.fullmatch(text):
        raise SettingError("must be the beginning of a URL", hint="write http://shop.example/images/")
    return text


SweepName = Annotated[str, AfterValidator(_check_name)]
Text = Annotated[str, Field(min_length=1, max_length=1024)]


class SweepSettings(Settings):
    """One sweep: what it is about, when, and how fast."""

    schedule: Annotated[
        Annotated[str, AfterValidator(_check_schedule)] | None, OrOff(), Field(validate_default=False)
    ] = None
    """When, as cron has it: minute, hour, day of the month, month, day of the week. `off`: when it is ordered."""
    time_zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    """Where the clock of the schedule hangs: `Europe/Vienna`."""
    routes: OneOrMany[Text] = ()
    """Routes, by name. Routes, tags and prefixes add up; without any of them everything is meant."""
    tags: OneOrMany[Text] = ()
    """Tags of the origin's answers."""
    prefixes: OneOrMany[Annotated[str, AfterValidator(_check_prefix)]] = ()
    """Beginnings of URLs."""
    within: Annotated[Annotated[Duration, Field(ge=0)] | None, OrOff(), Field(validate_default=False)] = None
    """Only what expires within this time, or has expired. `off`: however long it is still fresh."""
    fetch: bool = False
    """Also fetch anew what has no validator. Each of those costs a whole answer."""
    order: Order = Order.SAVES
    """What comes first: `saves` (uses, times what the origin takes), `uses`, `expiry` or `age`."""
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    """Of sweeps that wait for their turn, the one with the highest number is next. One runs at a time."""
    rate: Annotated[float, Field(gt=0, le=100_000)] = 100.0
    """Questions a second, over all workers."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """Questions under way at once in each worker: an origin that gets slow is asked less often by itself."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 50
    """Questions that a worker is given at a time. A pause or an end comes into effect after a batch."""
    most: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    """Stored responses of one sweep, those that come first. 100,000 take about 50 MiB of the supervisor's memory."""
    time_limit: PositiveDuration = seconds(3600)
    """A sweep that is not done by then ends; pauses do not count."""
    patience: PositiveDuration = seconds(600)
    """How long a sweep waits for an origin that wants to be left alone before it gives up."""

    @model_validator(mode="after")
    def _zone_of_a_schedule(self) -> Self:
        if self.schedule is None and self.time_zone != "UTC":
            raise SettingError("says nothing without a schedule", at=("time_zone",))
        return self
