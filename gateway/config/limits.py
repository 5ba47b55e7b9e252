"""Limits on what a downstream may send and how long it may take."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.config.base import SettingError, Settings
from gateway.config.units import OrOff, PositiveDuration, PositiveSize, Size, kibibytes, mebibytes, seconds


class LimitSettings(Settings):
    """What one request, one connection and one address may use.

    All limits are for each worker, so four workers hold four times as many connections.
    """

    target: PositiveSize = kibibytes(8)
    """Octets of a request target. Above it 414."""
    field: PositiveSize = kibibytes(8)
    """Octets of one field, name and value. Above it 431."""
    head: PositiveSize = kibibytes(32)
    """Octets of a request line and all fields together. Above it 431. A connection that is sending its head holds
    up to this much memory, so 10,000 slow ones hold 320 MiB."""
    fields: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Fields of one request. Above it 431."""
    chunk_overhead: PositiveSize = kibibytes(16)
    """Octets of chunk extensions and trailers in one message, which are not content. Above it 400."""
    body: Annotated[Size | None, OrOff()] = mebibytes(100)
    """Octets of a request body. Above it 413. `off` lets any length through; bodies are streamed, so it costs no
    memory."""
    buffered_body: PositiveSize = mebibytes(1)
    """Octets of a body that a plugin may hold at once. A plugin that needs more passes the body on unread, or
    answers 413."""
    head_timeout: PositiveDuration = seconds(10)
    """From the first octet of a request until its head is complete. After it 408 and the connection closes."""
    body_idle_timeout: PositiveDuration = seconds(30)
    """Between two pieces of a request body. After it 408 and the connection closes."""
    keep_alive_timeout: PositiveDuration = seconds(75)
    """How long a connection may rest between two requests."""
    write_timeout: PositiveDuration = seconds(30)
    """How long a downstream may take none of what waits for it before its connection is cut."""
    tunnel_idle_timeout: PositiveDuration = seconds(3600)
    """How long an upgraded connection may carry nothing in either direction."""
    tunnel_join: Annotated[
        Annotated[PositiveDuration, Field(ge=0.001, le=0.1)] | None, OrOff(), Field(validate_default=False)
    ] = None
    """For how long the octets of a tunnel may wait for company when its side keeps on speaking while the other is
    silent, 1 to 100 ms; what comes meanwhile is one read and one write. 5 ms halved the CPU of ten messages a
    millisecond apart. Dialogues, the first octets after quiet, large transfers and TLS never wait. `off` passes
    everything on at once."""
    pipelined: Annotated[int, Field(ge=1, le=1000)] = 32
    """Requests of one connection that may wait for their turn. More are not read until there is room."""
    requests_per_connection: Annotated[int, Field(ge=1)] = 10_000
    """Answers after which a connection is closed, so that load spreads again over the workers."""
    connections: Annotated[int, Field(ge=1)] = 10_000
    """Connections at once. Further ones wait in the kernel's queue."""
    connections_per_address: Annotated[int, Field(ge=1)] = 500
    """Connections at once from one address. Raise it where many people share one, behind a load balancer for
    example."""

    @model_validator(mode="after")
    def _parts_fit_into_the_head(self) -> Self:
        for name, octets in (("target", self.target), ("field", self.field)):
            if octets > self.head:
                raise SettingError("must not be above limits.head", hint="raise limits.head as well", at=(name,))
        return self
