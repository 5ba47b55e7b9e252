"""Asks the admin application of a running gateway: for the command line, and for what another gateway has stored."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import aiohttp
import orjson

from gateway.config import SettingError, TcpAddress
from gateway.config.addresses import parse_address

PATIENCE_SECONDS = 45.0
"""How long an answer may take: longer than the gateway waits for its workers."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Octets of an answer, inflated: some 200,000 rows of a list."""

Parameters = Sequence[tuple[str, str]]


class AdminError(Exception):
    """The gateway could not be asked; the text is for whoever typed the command."""


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """What the admin application answered."""

    status: int
    document: dict[str, Any]

    @property
    def is_complete(self) -> bool:
        """Whether everything was done that was asked, by every worker."""
        return self.status == HTTPStatus.OK

    @property
    def is_refusal(self) -> bool:
        """Whether nothing was done; `detail` says why."""
        return self.status >= HTTPStatus.BAD_REQUEST

    @property
    def detail(self) -> str:
        """Why it refused, for people."""
        return str(self.document.get("detail") or f"the gateway answered {self.status}")


class AdminClient:
    """Asks one gateway. `address` is written as in the configuration: `127.0.0.1:9900`, `unix:/run/admin.sock`.

    Raises AdminError for what is no address."""

    def __init__(self, address: str, token: str | None = None, *, may_be_link_local: bool = True) -> None:
        """Who names an address for somebody else to ask must not get at link-local ones, whatever name leads there:
        clouds keep there what they tell nobody but the machine itself."""
        self._written = address
        self._token = token
        self._new_socket = None if may_be_link_local else _beyond_the_link
        try:
            self._address = parse_address(address)
        except SettingError as error:
            raise AdminError(f"--admin {address}: {error}") from None

    async def get(self, path: str, parameters: Parameters = ()) -> AdminAnswer:
        """Ask for something. Raises AdminError when nobody answers, or not as a gateway would."""
        return await self._ask("GET", path, params=list(parameters))

    async def post(self, path: str, document: dict[str, Any]) -> AdminAnswer:
        """Have something done. Raises AdminError as `get` does."""
        return await self._ask("POST", path, json=document)

    async def _ask(self, method: str, path: str, **options: Any) -> AdminAnswer:
        connector, base = self._way()
        fields = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, headers=fields, timeout=patience) as session,
                session.request(method, f"{base}{path}", allow_redirects=False, **options) as answer,
            ):
                return await self._read(answer)
        except TimeoutError:
            raise AdminError(f"the gateway at {self._written} did not answer within {PATIENCE_SECONDS:.0f} s") from None
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise AdminError(
                f"no gateway answers at {self._written}: {_reason(error)}.\n"
                "Is it running, and is that its admin address? --admin names another one."
            ) from None
        except (aiohttp.ClientError, ValueError) as error:
            raise AdminError(f"what answers at {self._written} is no admin application: {error}") from None

    def _way(self) -> tuple[aiohttp.BaseConnector, str]:
        address = self._address
        if not isinstance(address, TcpAddress):
            return aiohttp.UnixConnector(address.path), "http://localhost"
        host = address.host or "127.0.0.1"
        return aiohttp.TCPConnector(socket_factory=self._new_socket), f"http://{TcpAddress(host, address.port)}"

    async def _read(self, answer: aiohttp.ClientResponse) -> AdminAnswer:
        if not answer.content_type.endswith("json"):
            raise AdminError(f"what answers at {self._written} is no admin application of a gateway")
        content = bytearray()
        async for piece in answer.content.iter_any():
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise AdminError(f"what answers at {self._written} says more than {LARGEST_ANSWER} octets")
        document = orjson.loads(content)
        if not isinstance(document, dict):
            raise AdminError(f"what answers at {self._written} is no admin application of a gateway")
        found = AdminAnswer(answer.status, document)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise AdminError(f"{found.detail}: give it with --token or in SLIPSTREAM_TOKEN")
        return found


def _beyond_the_link(place: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for an address that is not link-local (RFC 3927, RFC 4291 §2.5.6). Raises OSError."""
    family, kind, protocol, _, address = place
    host = ip_address(str(address[0]).partition("%")[0])
    host = getattr(host, "ipv4_mapped", None) or host
    if host.is_link_local:
        raise OSError("it is a link-local address")
    return socket.socket(family, kind, protocol)


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if number else str(getattr(error, "os_error", error)) or type(error).__name__
