"""One moment of the demonstration as a value, and the recorder that makes it. No I/O, no clock.

Everything a panel shows comes out of a `Snapshot`. A later feature needs no change here to get a panel of its own:
`rate`, `rates_by`, `level` and `spread` give it any figure of the gateway's metrics page."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.demo import events, percentiles
from gateway.demo.percentiles import Histogram, Percentiles
from gateway.demo.reports import BROKEN, Prices, Report, Sample, status_class
from gateway.demo.scrape import Scrape
from gateway.demo.status import Worker, circuits, workers

WINDOW = 10.0
"""Seconds that rates and percentiles look back."""
HISTORY = 60
"""Seconds of requests/s that are kept for the curve."""
EVENTS = 8
"""Latest notable events that are kept."""
ALL_SAMPLES = 200_000
"""Visits kept for the percentiles of the summary: the latest, some 20 minutes at the usual rate."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything listens, as people type it: `host:port`."""

    data: str
    admin: str
    origin: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something notable, and when: seconds since the start."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment."""

    elapsed: float
    """Seconds since the traffic began."""
    addresses: Addresses
    window: float = 0.0
    """Seconds that `samples` span."""
    samples: tuple[Sample, ...] = ()
    """The client's visits of the window."""
    messages: int = 0
    """WebSocket messages and server-sent events of the window, those of the price ticker aside."""
    in_flight: int = 0
    prices: Prices = field(default_factory=Prices)
    """How long the ticker's messages of the window were under way."""
    totals: Mapping[int, int] = field(default_factory=dict)
    """Visits through the gateway since the start, by status."""
    scrape_window: float = 0.0
    """Seconds between `before` and `after`."""
    before: Scrape = field(default_factory=Scrape)
    after: Scrape = field(default_factory=Scrape)
    workers: tuple[Worker, ...] = ()
    circuits: Mapping[str, str] = field(default_factory=dict)
    """The state of each circuit by its name."""
    events: tuple[Event, ...] = ()
    history: tuple[int, ...] = ()
    """Visits through the gateway in each full second, the latest last."""

    def through(self) -> tuple[Sample, ...]:
        """Visits of the window that took the way through the gateway."""
        return tuple(sample for sample in self.samples if not sample.direct)

    def direct(self) -> tuple[Sample, ...]:
        """Visits of the window that went straight to the origin."""
        return tuple(sample for sample in self.samples if sample.direct)

    def answers(self) -> Counter[str]:
        """Visits through the gateway since the start, by status class."""
        classes: Counter[str] = Counter()
        for status, count in self.totals.items():
            classes[status_class(status)] += count
        return classes

    def per_second(self, count: float) -> float:
        """`count` things of the window as a rate."""
        return count / self.window if self.window > 0 else 0.0

    def rate(self, name: str, **labels: str) -> float:
        """How much a counter of the gateway grows a second."""
        grown = self.after.total(name, **labels) - self.before.total(name, **labels)
        return max(grown, 0.0) / self.scrape_window if self.scrape_window > 0 else 0.0

    def rates_by(self, name: str, label: str) -> dict[str, float]:
        """How much a counter of the gateway grows a second, for each value of a label."""
        if self.scrape_window <= 0:
            return {}
        before = self.before.by(name, label)
        grown = {value: count - before.get(value, 0.0) for value, count in self.after.by(name, label).items()}
        return {value: max(count, 0.0) / self.scrape_window for value, count in grown.items()}

    def level(self, name: str, **labels: str) -> float:
        """Where a gauge of the gateway stands."""
        return self.after.total(name, **labels)

    def spread(self, name: str, **labels: str) -> Histogram:
        """What a histogram of the gateway gathered within the window."""
        return self.after.histogram(name, **labels).since(self.before.histogram(name, **labels))


def latencies(samples: Iterable[Sample]) -> Percentiles | None:
    """Percentiles of the time until the answers of `samples` began; those without an answer are left out."""
    return percentiles.of_values(sample.seconds for sample in samples if sample.status != BROKEN)


class Recorder:
    """Gathers reports and readings. Times are seconds since the traffic began and never go back."""

    def __init__(self, addresses: Addresses, window: float = WINDOW) -> None:
        self._addresses = addresses
        self._window = window
        self._reports: deque[tuple[float, Report]] = deque()
        self._scrapes: deque[tuple[float, Scrape]] = deque()
        self._workers: tuple[Worker, ...] = ()
        self._circuits: dict[str, str] = {}
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._seconds: dict[int, int] = {}
        self._totals: Counter[int] = Counter()
        self._samples: deque[Sample] = deque(maxlen=ALL_SAMPLES)
        self._messages = 0
        self._single: deque[float] = deque(maxlen=ALL_SAMPLES)
        self._batched: deque[float] = deque(maxlen=ALL_SAMPLES)
        self._first_scrape: tuple[float, Scrape] | None = None

    def report(self, report: Report, at: float) -> None:
        """The client reported."""
        self._reports.append((at, report))
        through = [sample for sample in report.samples if not sample.direct]
        self._totals.update(sample.status for sample in through)
        self._samples.extend(report.samples)
        self._messages += report.messages
        self._single.extend(report.prices.single)
        self._batched.extend(report.prices.batched)
        self._seconds[int(at)] = self._seconds.get(int(at), 0) + len(through)
        self._seconds.pop(int(at) - HISTORY - 1, None)

    def scrape(self, scrape: Scrape, at: float) -> None:
        """The gateway's figures were read."""
        if self._scrapes:
            for text in events.notable(self._scrapes[-1][1], scrape):
                self.event(text, at)
        self._scrapes.append((at, scrape))
        self._first_scrape = self._first_scrape or (at, scrape)

    def status(self, document: Mapping[str, Any], at: float) -> None:
        """The gateway's status was read."""
        found = workers(document)
        for text in events.comings_and_goings(self._workers, found):
            self.event(text, at)
        self._workers = found

    def circuits(self, document: Mapping[str, Any], at: float) -> None:
        """The list of circuits was read."""
        found = circuits(document)
        for text in events.circuits_changed(self._circuits, found):
            self.event(text, at)
        self._circuits = found

    def event(self, text: str, at: float) -> None:
        """Something notable happened."""
        self._events.append(Event(at, text))

    def snapshot(self, now: float) -> Snapshot:
        """The latest window."""
        while self._reports and self._reports[0][0] <= now - self._window:
            self._reports.popleft()
        while len(self._scrapes) > 2 and self._scrapes[1][0] <= now - self._window:
            self._scrapes.popleft()
        reports = [report for _, report in self._reports]
        return self._snapshot(
            now,
            window=min(now, self._window),
            samples=tuple(sample for report in reports for sample in report.samples),
            messages=sum(report.messages for report in reports),
            prices=Prices(
                tuple(seconds for report in reports for seconds in report.prices.single),
                tuple(seconds for report in reports for seconds in report.prices.batched),
            ),
            scrapes=(self._scrapes[0], self._scrapes[-1]) if self._scrapes else None,
        )

    def whole(self, now: float) -> Snapshot:
        """Everything since the start, for the summary."""
        scrapes = (self._first_scrape, self._scrapes[-1]) if self._first_scrape else None
        return self._snapshot(
            now,
            window=now,
            samples=tuple(self._samples),
            messages=self._messages,
            prices=Prices(tuple(self._single), tuple(self._batched)),
            scrapes=scrapes,
        )

    def _snapshot(
        self,
        now: float,
        *,
        window: float,
        samples: tuple[Sample, ...],
        messages: int,
        prices: Prices,
        scrapes: tuple[tuple[float, Scrape], tuple[float, Scrape]] | None,
    ) -> Snapshot:
        (since, before), (until, after) = scrapes or ((0.0, Scrape()), (0.0, Scrape()))
        return Snapshot(
            elapsed=now,
            addresses=self._addresses,
            window=window,
            samples=samples,
            messages=messages,
            prices=prices,
            in_flight=self._reports[-1][1].in_flight if self._reports else 0,
            totals=dict(self._totals),
            scrape_window=until - since,
            before=before,
            after=after,
            workers=self._workers,
            circuits=dict(self._circuits),
            events=tuple(self._events),
            history=tuple(self._seconds.get(second, 0) for second in range(max(0, int(now) - HISTORY), int(now))),
        )
