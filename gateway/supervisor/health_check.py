"""One check of one server: a request of its own on a connection of its own, as a client would make it."""

import ssl
import time
from dataclasses import dataclass

import aiohttp
from yarl import URL

from gateway import __version__
from gateway.config import HealthSettings, TcpAddress, UpstreamSettings
from gateway.supervisor.health import is_expected
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.roster import lag_seconds
from gateway.upstream.server import upstream_context

MAX_CONTENT = 64 * 1024
"""Octets of an answer that are searched for the text it must have."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    is_good: bool
    detail: str
    """In a few words: the status, or what went wrong."""
    seconds: float
    lag: float | None = None
    """How many seconds a replica says that it is behind."""


class Checker:
    """Checks the servers of one upstream. The TLS files are read at the first check that needs them."""

    def __init__(self, settings: UpstreamSettings) -> None:
        self._settings = settings
        self._tls: ssl.SSLContext | None = None

    async def check(self, endpoint: Endpoint, health: HealthSettings) -> Finding:
        """Check a server. Never raises but for cancellation."""
        begun = time.monotonic()
        lag: float | None = None
        try:
            is_good, detail, lag = await self._ask(endpoint, health)
        except TimeoutError:
            is_good, detail = False, f"no answer within {health.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            is_good, detail = False, _words(error)
        return Finding(is_good, detail, time.monotonic() - begun, lag)

    async def _ask(self, endpoint: Endpoint, health: HealthSettings) -> tuple[bool, str, float | None]:
        options = {"server_hostname": self._name(endpoint), "ssl": self._context()} if endpoint.is_tls else {}
        async with (
            aiohttp.ClientSession(
                connector=_connector(endpoint),
                timeout=aiohttp.ClientTimeout(total=health.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.request(
                health.method,
                URL(_url(endpoint, health), encoded=True),
                headers={"Host": self._host(endpoint, health), "User-Agent": f"slipstream/{__version__} health"},
                allow_redirects=False,
                **options,  # type: ignore[arg-type]  # two keywords of different types
            ) as answer,
        ):
            lag = self._lag(answer)
            if not is_expected(answer.status, health):
                return False, f"status {answer.status}", lag
            if health.body is not None and health.body.encode() not in await _beginning(answer):
                return False, f"status {answer.status}, but the content does not have the text", lag
            return True, f"status {answer.status}", lag

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = upstream_context(self._settings.tls)
        return self._tls

    def _name(self, endpoint: Endpoint) -> str:
        return self._settings.tls.server_name or endpoint.name

    def _host(self, endpoint: Endpoint, health: HealthSettings) -> str:
        if health.host is not None:
            return health.host
        policy = self._settings.host
        return endpoint.authority if policy in ("keep", "upstream") else policy

    def _lag(self, answer: aiohttp.ClientResponse) -> float | None:
        lag = self._settings.lag
        said = answer.headers.get(lag.header) if lag is not None else None
        return None if said is None else lag_seconds(said.encode())


def _url(endpoint: Endpoint, health: HealthSettings) -> str:
    if endpoint.is_unix:
        return f"http://localhost{health.path}"
    scheme = "https" if endpoint.is_tls else "http"
    return f"{scheme}://{TcpAddress(endpoint.host, health.port or endpoint.port)}{health.path}"


def _connector(endpoint: Endpoint) -> aiohttp.BaseConnector:
    if endpoint.is_unix:
        return aiohttp.UnixConnector(endpoint.host, force_close=True)
    return aiohttp.TCPConnector(force_close=True, use_dns_cache=False)


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    content = b""
    while len(content) < MAX_CONTENT:
        piece = await answer.content.read(MAX_CONTENT - len(content))
        if not piece:
            break
        content += piece
    return content


def _words(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)[:200]
