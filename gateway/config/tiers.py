"""Settings of the tiers behind the memory of the workers."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from gateway.config.base import Settings
from gateway.config.shorthand import FilePath, ShorthandSettings
from gateway.config.units import OrOff, PositiveDuration, PositiveSize, Size, kibibytes, mebibytes, seconds

_SMALLEST = mebibytes(1)
_Secret = Annotated[
    Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None, OrOff(), Field(validate_default=False)
]


class HostTierSettings(ShorthandSettings):
    """A store in a file, shared by the workers of this machine. It survives restarts and deploys."""

    shorthand: ClassVar[str] = "path"

    path: FilePath
    """The folder of the file, made if it is not there. On a disk of this machine: never on a network file system."""
    size: Annotated[Size, Field(ge=_SMALLEST)] = mebibytes(1024)
    """Octets of the file at most. From four fifths on, what was not used for long makes room for what is new."""
    max_entry: PositiveSize = mebibytes(4)
    """Octets of the largest answer kept, never more than a sixteenth of `size`. Larger ones stay in memory alone."""
    queue: PositiveSize = mebibytes(16)
    """Octets of answers that may wait to be written, for each worker. What comes beyond that is not written."""
    secret: _Secret = None
    """The name of an environment variable with a secret of at least 32 characters: what is stored is then encrypted
    with a key made of it (AES-256-GCM). It costs 2 us for a look-up of 1 KiB. `off` stores it as it is."""


class RedisTierSettings(Settings):
    """A store in Redis, shared by all gateways with the same prefix there."""

    max_entry: PositiveSize = mebibytes(1)
    """Octets of the largest answer kept there. Larger ones stay in memory and on the host."""
    compress_above: Annotated[Size | None, OrOff(), Field(validate_default=False)] = kibibytes(4)
    """Answers of more octets are compressed (zstd 1) where that makes them smaller by a tenth at least. Writing 64 KiB
    of text takes some 0.2 ms, more than that is done in a thread; a look-up takes 12 us more. `off` writes all as they
    are."""
    ttl: PositiveDuration = seconds(86_400)
    """How long an answer is kept there at most, however long it may be of use."""
    queue: PositiveSize = mebibytes(16)
    """Octets of answers that may wait to be written, for each worker. What comes beyond that is not written."""
    secret: _Secret = None
    """The name of an environment variable with a secret of at least 32 characters: what is stored is then encrypted
    with a key made of it (AES-256-GCM), and keys do not show what they are of. `off` stores it as it is."""

    @model_validator(mode="before")
    @classmethod
    def _on(cls, value: Any) -> Any:
        return {} if value == "on" else value


class TierSettings(Settings):
    """Where answers are kept beside the memory of each worker, nearest first."""

    host: Annotated[HostTierSettings | None, OrOff(), Field(validate_default=False)] = None
    """The host tier: `off`, a folder, or a mapping."""
    redis: Annotated[RedisTierSettings | None, OrOff(), Field(validate_default=False)] = None
    """The Redis tier: `off`, `on`, or a mapping. It needs `redis` beside `tiers`, which says where that is."""
