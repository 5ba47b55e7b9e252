"""Settings of the `idempotency` plugin."""

from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.api import (
    Duration,
    OneOrMany,
    OrOff,
    SettingError,
    Settings,
    Size,
    StatusPattern,
    Token,
    check_token,
    kibibytes,
    mebibytes,
    seconds,
)


class Anonymous(Enum):
    """Whose a key is that comes without any sign of identity."""

    ADDRESS = "address"
    SHARED = "shared"


class Fingerprint(Enum):
    """What makes a request the same request."""

    CONTENT = "content"
    TARGET = "target"


def _check_identity(text: str) -> str:
    check_token(text.removeprefix("cookie:"))
    return text


def _check_directory(text: str) -> str:
    if not text.startswith("/"):
        raise SettingError("must be auto, memory or the absolute path of a directory")
    return text


def _check_store(value: Any) -> Any:
    return value if value in ("auto", "memory") or not isinstance(value, str) else _check_directory(value)


Identity = Annotated[str, AfterValidator(_check_identity)]


class IdempotencySettings(Settings):
    """Settings of the `idempotency` plugin."""

    field: Token = "Idempotency-Key"
    """The request field that holds the key."""
    methods: OneOrMany[Token] = (
        "POST",
        "PATCH",
    )
    """Methods whose requests may have a key. Others pass untouched, key or not."""
    required: bool = False
    """Refuse requests of these methods that have no key, with 400."""
    keep: Annotated[Duration, Field(gt=0)] = seconds(86400)
    """How long an answer is kept. A client that comes with the same key later has its request carried out again."""
    discard: OneOrMany[StatusPattern] = ("5xx", "408", "425", "429")
    """Answers that are not kept, so that the same key may be tried again: those that another try may change. A list
    that leaves `5xx` out keeps errors too."""
    identity: tuple[Identity, ...] = ("Authorization", "X-Api-Key", "Cookie")
    """Request fields that say who asks, or `cookie:NAME` for one cookie. A key is its owner's alone: with another
    identity it is another key. Where sessions change their cookies between a request and its repetition, name the one
    that does not."""
    anonymous: Anonymous = Anonymous.ADDRESS
    """Whose a key is when none of these fields is there: the client's `address`, or everybody's (`shared`), where
    whoever knows a key and the request gets its answer."""
    fingerprint: Fingerprint = Fingerprint.CONTENT
    """What makes a request the same: method, target, `content` and its type; or method and `target` alone, for clients
    that write the same content differently each time (multipart)."""
    mark: Annotated[Token | None, OrOff(), Field(validate_default=False)] = "Idempotency-Replayed"
    """The response field, with the value `true`, that marks an answer given again; or `off`."""
    store: Annotated[str, BeforeValidator(_check_store), Field(min_length=1)] = "auto"
    """Where answers are kept: in the `memory` of each worker, or in the files of a directory, which all workers share
    and which outlasts them. `auto` is memory where there is one worker, and otherwise a directory in the machine's
    memory that ends with the gateway."""
    memory: Annotated[Size, Field(ge=4096)] = mebibytes(32)
    """Octets of all answers together. Beyond it the oldest go before their time."""
    max_response: Annotated[Size, Field(ge=0)] = mebibytes(1)
    """The largest content of an answer that is kept. Of a larger one is only known that the request was carried out:
    its repetition gets 409."""
    buffer: Annotated[Size, Field(ge=0)] = kibibytes(64)
    """Content of a request up to which it is read before it goes on, so that it can be sent to another server if the
    first is not there. Larger content is not held up."""
    running: Annotated[int, Field(ge=1)] = 1000
    """Requests with a key that may be under way, for each route and worker, those included whose client has left."""
