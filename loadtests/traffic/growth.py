"""Does a process grow? Judged from samples taken over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Reading:
    """One worker at one moment."""

    seconds: float
    """Since the start of the load."""
    pid: int
    rss_kib: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Growth:
    """One worker over the whole run, after warm-up."""

    pid: int
    mib_per_minute: float
    first_rss_kib: int
    last_rss_kib: int
    first_descriptors: float
    """Median of the first quarter."""
    last_descriptors: float
    """Median of the last quarter."""


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Rise for each unit of x of the straight line with the least squared error; 0 for fewer than two x."""
    if not points:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def growth(readings: Sequence[Reading], warm_up_seconds: float) -> list[Growth]:
    """One for each pid that was seen after warm-up."""
    settled = [reading for reading in readings if reading.seconds >= warm_up_seconds]
    return [_of([reading for reading in settled if reading.pid == pid]) for pid in sorted({r.pid for r in settled})]


def _of(readings: Sequence[Reading]) -> Growth:
    quarter = max(1, len(readings) // 4)
    return Growth(
        pid=readings[0].pid,
        mib_per_minute=slope([(reading.seconds / 60, reading.rss_kib / 1024) for reading in readings]),
        first_rss_kib=readings[0].rss_kib,
        last_rss_kib=readings[-1].rss_kib,
        first_descriptors=median(reading.descriptors for reading in readings[:quarter]),
        last_descriptors=median(reading.descriptors for reading in readings[-quarter:]),
    )


def faults_of(found: Growth, *, most_mib_per_minute: float, spare_descriptors: float) -> list[str]:
    """What is wrong with the growth of a worker, in words."""
    wrong = []
    if found.mib_per_minute > most_mib_per_minute:
        wrong.append(f"worker {found.pid}: memory grows by {found.mib_per_minute:.2f} MiB a minute")
    if found.last_descriptors > found.first_descriptors * 1.1 + spare_descriptors:
        before, after = found.first_descriptors, found.last_descriptors
        wrong.append(f"worker {found.pid}: file descriptors grow from {before:.0f} to {after:.0f}")
    return wrong
