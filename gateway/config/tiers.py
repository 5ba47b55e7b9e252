"""Settings of the tiers behind the memory of the workers."""

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.config.base import Settings
from gateway.config.shorthand import FilePath, ShorthandSettings
from gateway.config.units import OrOff, PositiveSize, Size, mebibytes

_SMALLEST = mebibytes(1)


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
    secret: Annotated[
        Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None, OrOff(), Field(validate_default=False)
    ] = None
    """The name of an environment variable with a secret of at least 32 characters: what is stored is then encrypted
    with a key made of it (AES-256-GCM). It costs 2 us for a look-up of 1 KiB. `off` stores it as it is."""


class TierSettings(Settings):
    """Where answers are kept beside the memory of each worker, nearest first."""

    host: Annotated[HostTierSettings | None, OrOff(), Field(validate_default=False)] = None
    """The host tier: `off`, a folder, or a mapping."""
