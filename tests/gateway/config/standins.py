"""Settings of plugins that exist only here, and the shortest files that load."""

from typing import Annotated

from pydantic import Field, model_validator

from gateway.config import Configuration, SettingError, Settings, load_text
from gateway.config.units import Duration, Secret, Size, kibibytes, seconds


class PaintSettings(Settings):
    """A plugin with a setting of every sort."""

    colour: str = "blue"
    """The colour."""
    coats: Annotated[int, Field(ge=1, le=5)] = 1
    """How often."""
    dry_for: Duration = seconds(10)
    """How long to wait."""
    bucket: Size = kibibytes(4)
    """How much paint."""
    supplier_token: Secret | None = None
    """A secret."""
    brushes: tuple[str, ...] = ()
    """What with."""
    size: str | list[str] = "small"
    """One or several."""

    @model_validator(mode="after")
    def _gold_is_dear(self) -> "PaintSettings":
        if self.colour == "gold" and self.coats > 1:
            raise SettingError("gold is for one coat", hint="use one coat", at=("coats",))
        return self


class FenceSettings(Settings):
    """A plugin that cannot do without one setting."""

    height: int
    """In metres."""


PLUGINS: dict[str, type[Settings]] = {"paint": PaintSettings, "fence": FenceSettings}


def resolve(name: str) -> type[Settings]:
    if name in PLUGINS:
        return PLUGINS[name]
    raise LookupError(f"there is no plugin '{name}'")


UPSTREAM = "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"


def loaded(text: str, **environ: str) -> Configuration:
    """A file with one upstream and `text`."""
    return load_text(UPSTREAM + text, resolve, environ=environ)
