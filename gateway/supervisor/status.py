"""What `/api/status` shows, put together from values that are there already."""

import os
from typing import Any

from gateway import __version__
from gateway.figures.layout import PREFIX
from gateway.figures.ledger import Ledger
from gateway.supervisor.process import Worker
from gateway.supervisor.report import timestamp
from gateway.supervisor.slot import Slot
from gateway.supervisor.supervisor import Supervisor

CONNECTIONS = f"{PREFIX}_http_downstream_connections"
IN_FLIGHT = f"{PREFIX}_http_requests_in_flight"


def status_of(supervisor: Supervisor, told: list[dict[str, Any]], now: float) -> dict[str, Any]:
    """The whole page. `told` is what workers said about themselves; `now` in seconds since the epoch."""
    by_pid = {each.get("pid"): each for each in told}
    readiness = supervisor.readiness()
    return {
        "version": __version__,
        "pid": os.getpid(),
        "phase": supervisor.phase.value,
        "ready": readiness.is_ready,
        "reasons": list(readiness.reasons),
        "started": timestamp(supervisor.started),
        "uptime_seconds": round(now - supervisor.started, 3),
        "configuration": supervisor.source.name,
        "generation": supervisor.generation,
        "last_reload": supervisor.last_reload.to_json(),
        "certificate_errors": list(supervisor.certificate_errors),
        "listeners": [each.address for each in supervisor.listening if each.socket.fileno() >= 0],
        "upstreams": supervisor.servers.status(),
        "workers": [slot_status(slot, supervisor.ledger, by_pid) for slot in supervisor.fleet.slots],
    }


def slot_status(slot: Slot, ledger: Ledger, told: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    """One worker, or the pause before the next one."""
    known = {"name": slot.name, "restarts": slot.restarts, "last_end": slot.last_end}
    worker = slot.worker
    if worker is None:
        return {**known, "pid": None, "state": "waiting"}
    return {**known, **worker_status(worker, ledger), **told.get(worker.pid, {})}


def worker_status(worker: Worker, ledger: Ledger) -> dict[str, Any]:
    """What the supervisor itself knows about a worker."""
    return {
        "pid": worker.pid,
        "state": worker.state.value,
        "started": timestamp(worker.started),
        "generation": worker.generation,
        "connections": int(ledger.value(worker.row, CONNECTIONS)),
        "in_flight": int(ledger.value(worker.row, IN_FLIGHT)),
        "rss_bytes": resident_bytes(worker.pid),
    }


def resident_bytes(pid: int) -> int | None:
    """Memory of a process that is in RAM; `None` where the system does not say."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None
