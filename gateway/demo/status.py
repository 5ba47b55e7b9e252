"""What the view wants from the gateway's status documents. No I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker of the gateway. What the document does not say is `None`."""

    pid: int
    state: str
    connections: int | None = None
    in_flight: int | None = None
    resident_bytes: int | None = None
    restarts: int = 0


def workers(document: Mapping[str, Any]) -> tuple[Worker, ...]:
    """The workers that `/api/status` names, those without a process left out."""
    return tuple(
        Worker(
            pid=entry["pid"],
            state=str(entry.get("state", "")),
            connections=entry.get("connections"),
            in_flight=entry.get("in_flight"),
            resident_bytes=entry.get("rss_bytes"),
            restarts=entry.get("restarts") or 0,
        )
        for entry in document.get("workers") or ()
        if entry.get("pid")
    )


def circuits(document: Mapping[str, Any]) -> dict[str, str]:
    """The state of each circuit that `/api/breakers` names: `closed`, `half-open` or `open`."""
    return {str(entry["circuit"]): str(entry.get("state", "")) for entry in document.get("circuits") or ()}
