"""What the supervisor knows about the servers of one upstream: which there are, how they stand. No clock, no I/O."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.config import ServerSettings, UpstreamSettings
from gateway.supervisor.health import Judge
from gateway.supervisor.report import timestamp
from gateway.upstream.endpoint import Endpoint, endpoint_of, listed_in

TEAMS = ("servers", "replicas")


class Standing:
    """How one server stands. It outlives a change of the settings as long as the server stays."""

    def __init__(self) -> None:
        self.judge = Judge()
        self.is_draining = False
        self.lag: float | None = None
        """Seconds that a replica said it is behind, at the last check."""
        self.since: float | None = None
        """When active checks last changed their mind, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One server with its standing."""

    team: str
    """`servers` or `replicas`."""
    endpoint: Endpoint
    standing: Standing


class Table:
    """The servers of one upstream as its settings name them and its sources found them."""

    def __init__(self, name: str, settings: UpstreamSettings, before: "Table | None" = None) -> None:
        """`before` is the table of the same upstream with other settings: servers that stay keep their standing."""
        self.name = name
        self.settings = settings
        self._standings: dict[str, Standing] = {} if before is None else before._standings
        self._found: dict[str, tuple[Endpoint, ...]] = {}
        """By the URL of the source."""
        self.errors: dict[str, str] = {}
        """Why a source could not be asked the last time, by its URL."""
        if before is not None:
            for server in self.sources():
                if server.url in before._found:
                    self._found[server.url] = before._found[server.url]

    def sources(self) -> list[ServerSettings]:
        """Where servers are learnt."""
        return [each for team in TEAMS for each in getattr(self.settings, team) if each.source is not None]

    def found(self, source: str, endpoints: Iterable[Endpoint]) -> bool:
        """A source named these servers; whether that is news."""
        self.errors.pop(source, None)
        named = tuple(endpoints)
        is_news = self._found.get(source) != named
        self._found[source] = named
        return is_news

    def entries(self) -> Iterator[Entry]:
        """Every server once, in the order of the settings."""
        seen: set[str] = set()
        for team in TEAMS:
            for server in getattr(self.settings, team):
                endpoints = self._found.get(server.url, ()) if server.source else (endpoint_of(server),)
                for endpoint in endpoints:
                    if endpoint.url not in seen:
                        seen.add(endpoint.url)
                        yield Entry(team, endpoint, self._standings.setdefault(endpoint.url, Standing()))

    def entry(self, url: str) -> Entry | None:
        """The server with that URL."""
        return next((entry for entry in self.entries() if entry.endpoint.url == url), None)

    def forget_strangers(self) -> None:
        """Forget servers that are none any more, but for those an administrator drained: they may come back."""
        present = {entry.endpoint.url for entry in self.entries()}
        for url in [url for url, each in self._standings.items() if url not in present and not each.is_draining]:
            del self._standings[url]

    def is_healthy(self, entry: Entry) -> bool:
        """What active checks say; True without any."""
        return self.settings.health is None or entry.standing.judge.is_healthy

    def is_lagging(self, entry: Entry) -> bool:
        """Whether a check found a replica too far behind."""
        lag, seconds = self.settings.lag, entry.standing.lag
        checked = self.settings.health is not None and entry.team == "replicas"
        return checked and lag is not None and seconds is not None and seconds > lag.most

    def message(self) -> dict[str, Any]:
        """For the workers. `listed` tells the tables of two configurations apart."""
        teams: dict[str, list[dict[str, Any]]] = {team: [] for team in TEAMS}
        for entry in self.entries():
            endpoint = replace(
                entry.endpoint,
                is_healthy=self.is_healthy(entry),
                is_draining=entry.standing.is_draining,
                is_lagging=self.is_lagging(entry),
            )
            teams[entry.team].append(endpoint.to_message())
        return {"name": self.name, "listed": listed_in(self.settings), **teams}

    def status(self) -> dict[str, Any]:
        """For /api/status and /api/upstreams."""
        shown = {"servers": [self.shown(entry) for entry in self.entries()]}
        return {**shown, "sources": {each.url: self.errors.get(each.url, "ok") for each in self.sources()}}

    def shown(self, entry: Entry) -> dict[str, Any]:
        """One server for people."""
        standing = entry.standing
        checked = self.settings.health is not None
        if standing.is_draining:
            state = "draining"
        elif not self.is_healthy(entry):
            state = "unhealthy"
        else:
            state = "lagging" if self.is_lagging(entry) else "healthy" if checked else "unchecked"
        return {
            "url": entry.endpoint.url,
            "role": "replica" if entry.team == "replicas" else "server",
            "weight": entry.endpoint.weight,
            "state": state,
            "healthy": self.is_healthy(entry) if checked else None,
            "draining": standing.is_draining,
            "lag_seconds": standing.lag,
            "since": None if standing.since is None else timestamp(standing.since),
            "last_check": standing.judge.detail or None,
        }
