"""What is counted about sharing."""

from __future__ import annotations

from gateway.figures import Figures


class PurgeFigures:
    """Figures of the purge log in this worker."""

    def __init__(self, figures: Figures) -> None:
        self.told = figures.counter("sharing_purges_told_total", "Purges written for other replicas")
        self.heard = figures.counter("sharing_purges_heard_total", "Purges that came by the log, own ones included")
        text = "Times that the place in the purge log was gone, so that nothing stored before was believed"
        self.lost = figures.counter("sharing_places_lost_total", text)
        self.current = figures.gauge("sharing_workers_in_step", "Workers that know of every purge of every replica")


class LeaseFigures:
    """Figures of leases in this worker."""

    def __init__(self, figures: Figures) -> None:
        text = "Things to fetch for which a lease was asked, by what came of it"
        self.held = figures.counter("sharing_leases_total", text, outcome="held")
        self.given = figures.counter("sharing_leases_total", text, outcome="given")
        self.apart = figures.counter("sharing_leases_total", text, outcome="apart")
        self.alone = figures.counter("sharing_leases_total", text, outcome="alone")
        self.late = figures.counter("sharing_leases_total", text, outcome="late")
        text = "Fetches that ended after somebody else had the lease: what they brought was not written"
        self.fenced = figures.counter("sharing_leases_fenced_total", text)
        self.open = figures.gauge("sharing_leases_open", "Leases that are held or waited for")
