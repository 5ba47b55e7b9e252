"""Settings of routes: which requests they take, where they send them, and what they change in the chain."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.config.base import SettingError, Settings
from gateway.config.shorthand import OneOrMany, ShorthandSettings, check_token
from gateway.config.units import PositiveDuration

_MOST_STARS = 8
_COMMON_METHODS = frozenset({"connect", "delete", "get", "head", "options", "patch", "post", "put", "trace"})


def _check_glob(glob: str) -> str:
    """`glob` if matching it stays cheap: at most 8 stars, 1,024 characters. Raises `SettingError`."""
    if not glob:
        raise SettingError("must not be empty")
    if len(glob) > 1024:
        raise SettingError("is longer than 1024 characters")
    if glob.count("*") > _MOST_STARS:
        raise SettingError(f"has more than {_MOST_STARS} stars", hint="use several routes")
    return glob


def _check_path(glob: str) -> str:
    if not glob.startswith("/"):
        raise SettingError("must start with a slash", hint=f"write /{glob.lstrip('/')}")
    if "?" in glob or "#" in glob:
        raise SettingError("must be a path without a query", hint="leave out everything from ? or # on")
    return glob


def _check_host(glob: str) -> str:
    if "/" in glob or glob != glob.strip():
        raise SettingError("must be a host", hint="write app.example.com or *.example.com")
    return glob.lower()


def _check_method(method: str) -> str:
    if method in _COMMON_METHODS:
        raise SettingError(
            "is a method in small letters, and methods are case-sensitive", hint=f"write {method.upper()}"
        )
    return check_token(method)


def check_use(value: Any) -> Any:
    """`value` if it can stand for the settings of a plugin: a mapping, nothing, or `off`. Raises `SettingError`."""
    if value is None or value == "off" or isinstance(value, dict):
        return value
    raise SettingError("must be a mapping of settings, or off", hint="write {} for the defaults")


Glob = Annotated[str, AfterValidator(_check_glob)]
Token = Annotated[str, AfterValidator(check_token)]
Use = Annotated[Any, BeforeValidator(check_use)]


class MatchSettings(ShorthandSettings):
    """Which requests a route takes. All conditions that are given must hold; without any, every request matches.

    In a glob `*` stands for any run of characters, none and slashes included."""

    shorthand: ClassVar[str] = "path"

    path: Annotated[Glob, AfterValidator(_check_path)] | None = None
    """Glob for the path, such as `/api/*`. The query is not looked at."""
    host: Annotated[Glob, AfterValidator(_check_host)] | None = None
    """Glob for the host without its port, such as `*.example.com`, in any letter case."""
    method: OneOrMany[Annotated[str, AfterValidator(_check_method)]] = ()
    """One method or several; none means all."""
    header: dict[Token, Glob] = Field(default_factory=dict)
    """Globs for field values by field name, in any letter case of the name."""

    @property
    def is_everything(self) -> bool:
        """Whether no request fails to match."""
        return self.path in (None, "/*", "*") and self.host in (None, "*") and not self.method and not self.header


class RouteTimeoutSettings(Settings):
    """Time-outs of the upstream that a route changes."""

    first_byte: PositiveDuration | None = None
    """Instead of the upstream's `timeouts.first_byte`."""
    total: PositiveDuration | None = None
    """Instead of the upstream's `timeouts.total`."""


class RouteSettings(Settings):
    """One route. The first route that matches takes the request."""

    match: MatchSettings
    """A path glob, or a mapping with `path`, `host`, `method`, `header`."""
    upstream: str | None = None
    """Name of the upstream. May be left out when there is only one."""
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")] | None = None
    """Name in metrics and logs. Without one, the path glob."""
    plugins: dict[str, Use] = Field(default_factory=dict, repr=False)
    """Changes to the chain: settings laid over those in the global list, key by key, or `off`."""
    timeouts: RouteTimeoutSettings = RouteTimeoutSettings()
    """Time-outs that differ on this route."""
