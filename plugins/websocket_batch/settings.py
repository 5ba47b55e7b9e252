"""Settings of the `websocket_batch` plugin."""

from enum import Enum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.api import Duration, OrOff, SettingError, Settings, Size, Slow, kibibytes, mebibytes, seconds
from plugins.websocket_batch.formats import MOST_RECORDS
from plugins.websocket_batch.origins import check_origin
from plugins.websocket_batch.outbox import Strategy, Urgent
from plugins.websocket_batch.pointers import Pointer


class Mode(Enum):
    """How connections are carried."""

    FRAMES = "frames"
    TUNNEL = "tunnel"


class Form(Enum):
    """A format of batches."""

    BINARY = "batch.v1"
    JSON = "batch-json.v1"


class Coalesce(Enum):
    """When frames for a peer that takes no batches leave."""

    TURN = "turn"
    STRATEGY = "strategy"
    OFF = "off"


class UpstreamBatching(Enum):
    """Whether batches are offered to the upstream."""

    OFF = "off"
    OFFER = "offer"


def _check_pointer(text: str) -> str:
    try:
        Pointer(text)
    except ValueError as error:
        raise SettingError(str(error)) from None
    return text


def _check_origin(text: str) -> str:
    try:
        return check_origin(text)
    except ValueError as error:
        raise SettingError(str(error)) from None


def _check_path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or any(each in text for each in "?# *"):
        raise SettingError("must be a path such as /slipstream/websocket.js")
    return text


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


JsonPointer = Annotated[str, AfterValidator(_check_pointer)]
JsonPointers = Annotated[
    tuple[JsonPointer, ...], BeforeValidator(_as_list, json_schema_input_type=str | tuple[str, ...])
]
Origin = Annotated[str, AfterValidator(_check_origin)]
OriginList = Annotated[tuple[Origin, ...], BeforeValidator(_as_list, json_schema_input_type=str | tuple[str, ...])]
Priority = Annotated[int, Field(ge=0, le=15)]
Window = Annotated[int, Field(ge=9, le=15)]


class CompressionSettings(Settings):
    """permessage-deflate towards clients (RFC 7692). Never towards the upstream, which is near."""

    enabled: bool = True
    """Take a client's offer to compress."""
    threshold: Size = 256
    """Octets below which a frame goes uncompressed. Alone, a message of 132 octets shrinks to 82 %, a batch of ten to
    24 %."""
    window: Window = 12
    """Power of two. 12 with memory level 5 takes 24 KiB while a frame is compressed, 15 with 8 takes 256 KiB."""
    memory_level: Annotated[int, Field(ge=1, le=9)] = 5
    """Memory of zlib's search, 1 to 9."""
    level: Annotated[int, Field(ge=1, le=9)] = 6
    """Effort of zlib, 1 to 9."""
    context_takeover: bool = False
    """Let a frame refer to earlier ones, both ways. Gains much for single messages and little for batches, and keeps 24
    KiB or more for each connection as long as it lasts."""


class QueueSettings(Settings):
    """What may wait in one direction of one connection."""

    messages: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Messages. With `block_then_close` the source is not read above it, with `drop_oldest` the oldest go."""
    octets: Size = mebibytes(1)
    """Their content. Likewise."""
    stop_above: Size = kibibytes(256)
    """Octets above which the source is read no more, so that TCP slows it down."""
    go_on_below: Size = kibibytes(64)
    """Octets below which it is read again."""
    slow: Slow = Slow.BLOCK_THEN_CLOSE
    """What happens to a peer that does not take its messages: wait for it and in the end close (1013), or
    `drop_oldest`, for feeds in which only the latest counts."""
    slow_after: Annotated[Duration, Field(gt=0)] = seconds(10)
    """How long a peer may take nothing at all before its connection is closed."""
    total: Size = mebibytes(64)
    """Octets that may wait in all connections of a worker together. Above it, the connection with the most is
    closed."""

    @model_validator(mode="after")
    def _marks_are_in_order(self) -> Self:
        if not self.go_on_below <= self.stop_above <= self.octets:
            raise SettingError("must not be above stop_above, nor that above octets", at=("go_on_below",))
        return self


class WebSocketBatchSettings(Settings):
    """Settings of the `websocket_batch` plugin."""

    mode: Mode = Mode.FRAMES
    """`frames`: the gateway reads and writes frames, so that it can batch, limit and compress. `tunnel`: octets pass
    unread, and of all settings below only `idle`, `origins` and the caps apply."""
    origins: OriginList = ()
    """Origins whose pages may connect: `https://app.example.com`, `https://*.example.com`, or `same` for the address
    that was asked for. Others get 403. Empty: all, as without the plugin. Programs that send no `Origin` may always."""
    connections: Annotated[Annotated[int, Field(ge=1)] | None, OrOff(), Field(validate_default=False)] = None
    """Connections of this route at once, in each worker. Above it 503 with `Retry-After`."""
    connections_per_client: Annotated[Annotated[int, Field(ge=1)] | None, OrOff(), Field(validate_default=False)] = None
    """The same for one client address."""
    coalesce: Coalesce = Coalesce.TURN
    """When frames leave towards a peer that takes no batches. `turn`: what is ready together leaves in one write.
    `strategy`: as batches do, in one write but in frames of their own. `off`: a write for each message."""
    idle: Annotated[Annotated[Duration, Field(gt=0)] | None, OrOff()] = seconds(3600)
    """How long a connection may carry no message, and no ping of a peer, in either direction before it is closed
    (1001)."""
    max_message: Annotated[Size, Field(ge=1024)] = mebibytes(1)
    """Octets of a message, inflated. Above it the connection is closed (1009)."""
    messages_per_second: Annotated[Annotated[float, Field(gt=0)] | None, OrOff(), Field(validate_default=False)] = None
    """Messages, not frames, that a client may send on average. Above it the connection is closed (1008)."""
    burst: Annotated[int, Field(ge=1)] = 100
    """Messages that a client may send at once. A batch counts as many as it holds, so it must not hold more."""
    ping_every: Annotated[Annotated[Duration, Field(gt=0)] | None, OrOff()] = seconds(30)
    """Silence after which a peer is asked whether it is there. Pings of the peers pass as they come."""
    ping_timeout: Annotated[Duration, Field(gt=0)] = seconds(20)
    """How long a peer that was asked may stay silent before its connection is cut. Dead peers are found within 50 s."""
    close_timeout: Annotated[Duration, Field(gt=0)] = seconds(5)
    """How long a peer may take to answer a Close frame."""
    bad_gateway_code: Annotated[int, Field(ge=1000, le=4999)] = 1014
    """What a client hears when the upstream is gone without a Close frame. 1011 for clients that refuse unknown
    codes."""
    compression: CompressionSettings = CompressionSettings()
    """permessage-deflate towards clients."""
    queue: QueueSettings = QueueSettings()
    """What may wait, and what happens when it is too much."""

    formats: tuple[Form, ...] = (Form.BINARY, Form.JSON)
    """Formats of batches that clients may ask for. Empty: none, messages stay single."""
    query: str | None = None
    """Name of a query parameter by which clients may ask as well, `?batch=v1` or `?batch=json` if it is `batch`. It is
    not passed on."""
    upstream_batching: UpstreamBatching = UpstreamBatching.OFF
    """`offer` the upstream to exchange batches with it too."""
    strategy: Strategy = Strategy.HYBRID
    """When a batch goes. `time`: after `max_delay`. `size`: at `max_messages` or `max_octets`. `priority`: like
    `size`, and at once for urgent messages. `adaptive`: at as many messages as usually arrive within `max_delay`,
    together with what has come with them.
    `hybrid`: whichever of time, size and priority comes first. `max_delay` and `max_octets` bound them all."""
    max_delay: Annotated[Duration, Field(ge=0.001, le=10)] = seconds(0.1)
    """The longest a message waits for others. 10 batches a second and connection at least carry a steady flow."""
    max_messages: Annotated[int, Field(ge=1, le=MOST_RECORDS)] = 10
    """Messages that make a batch full. 10 every 100 ms are 100 a second; above that, batches go earlier."""
    max_octets: Size = kibibytes(64)
    """Octets that make a batch full."""
    priority_threshold: Priority = 3
    """Priority from which on a message does not wait."""
    priority_mode: Urgent = Urgent.FLUSH
    """`flush`: an urgent message takes along what waits, so that the order stays. `overtake`: it goes alone, ahead of
    what waits; receivers find the order in the numbers of the messages."""
    priority_field: JsonPointer | None = None
    """Where JSON messages say their priority, 0 to 15: `/priority`. What is no such number counts as 0."""
    priority_prefixes: dict[str, Priority] = Field(default_factory=dict)
    """Priorities of messages that begin with a text: `{"!": 9}`. The first that fits counts."""
    adaptive_min: Annotated[int, Field(ge=2)] = 2
    """Least number of messages that `adaptive` waits for; below it, it does not wait at all."""
    adaptive_max: Annotated[int, Field(le=MOST_RECORDS)] = 50
    """Largest number of messages that `adaptive` waits for."""
    conflate: JsonPointers = ()
    """Places in JSON messages that name what a message is about: `/symbol`. A newer message replaces an older one about
    the same that still waits: the last value wins, and the count is a metric."""
    shim: Annotated[str, AfterValidator(_check_path)] | None = None
    """Path at which the gateway itself serves the JavaScript module for browsers: `/slipstream/websocket.js`. It must
    be a path that this route takes."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.max_octets > self.max_message:
            raise SettingError("must not be above max_message", at=("max_octets",))
        if self.adaptive_min > self.adaptive_max:
            raise SettingError("must not be above adaptive_max", at=("adaptive_min",))
        if self.query is not None and not (self.query.isascii() and self.query.isidentifier()):
            raise SettingError("must be a name of letters, digits and underscores", at=("query",))
        return self
