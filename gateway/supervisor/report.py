"""What became of a reload: for `/api/status`, the answer of `/api/reload`, and the log. Plain values, no I/O."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from gateway.config import ConfigError, Mistake


class Result(StrEnum):
    """How a reload ended."""

    APPLIED = "applied"
    REFUSED = "refused"
    """The configuration has mistakes, or a worker would not take it. The one in use stays."""


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """One reload."""

    at: float
    """Seconds since the epoch."""
    trigger: str
    """What asked for it: `start`, `signal`, `file` or `api`."""
    result: Result
    generation: int
    """The generation in use afterwards."""
    mistakes: tuple[dict[str, Any], ...] = ()
    """Why it was refused: each with a `message`, and with its place in the file where it has one."""
    notes: tuple[str, ...] = ()
    """What was accepted but waits for a restart."""

    def to_json(self) -> dict[str, Any]:
        """For the admin API."""
        return {
            "at": timestamp(self.at),
            "trigger": self.trigger,
            "result": self.result.value,
            "generation": self.generation,
            "mistakes": list(self.mistakes),
            "notes": list(self.notes),
        }


def mistakes_of(error: ConfigError) -> tuple[dict[str, Any], ...]:
    """Every mistake with its place; `rendered` is what `slipstream check` prints."""
    return tuple(_mistake(mistake) for mistake in error.mistakes)


def _mistake(mistake: Mistake) -> dict[str, Any]:
    return {
        "file": mistake.file,
        "line": mistake.line,
        "column": mistake.column,
        "path": mistake.path,
        "message": mistake.message,
        "hint": mistake.hint,
        "rendered": mistake.render(),
    }


def timestamp(seconds: float) -> str:
    """RFC 3339, in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
