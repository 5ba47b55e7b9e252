"""Where the configuration comes from: a file that may change, or the command line alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.chain.registry import settings_of
from gateway.config import Configuration, from_upstream, load_file


class ConfigSource(Protocol):
    """Gives the configuration anew each time it is asked."""

    @property
    def name(self) -> str:
        """For logs and status."""

    def load(self) -> Configuration:
        """Read and check. Raises `ConfigError` with every mistake."""

    def watched(self) -> list[Path]:
        """Files whose change means that the configuration changed."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A configuration file; what the command line says takes the place of what it says."""

    path: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    """`listen`, `admin` and `workers` as texts, written as in the file."""

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self.path)

    def load(self) -> Configuration:
        """Read and check the file. Raises `ConfigError`, also when it cannot be read."""
        return load_file(self.path, settings_of, overrides=self.overrides)

    def watched(self) -> list[Path]:
        """The file itself."""
        return [self.path]


@dataclass(frozen=True, slots=True)
class UpstreamSource:
    """`slipstream run --upstream URL …`: no file at all."""

    urls: Sequence[str]
    listen: str | None = None
    admin: str | None = None
    workers: str | int | None = None
    chain: Sequence[str] = ()
    """Plugins of the chain, outermost first, each with its defaults."""

    @property
    def name(self) -> str:
        """Words for logs."""
        return "command line"

    def load(self) -> Configuration:
        """The same configuration every time. Raises `ConfigError`."""
        return from_upstream(
            self.urls, settings_of, listen=self.listen, admin=self.admin, workers=self.workers, chain=self.chain
        )

    def watched(self) -> list[Path]:
        """Nothing."""
        return []
