"""What a new configuration changes, and what of it has to wait for a restart. Plain values, no I/O."""

from dataclasses import dataclass, replace
from pathlib import Path

from gateway.config import Configuration, GatewaySettings, ListenSettings


@dataclass(frozen=True, slots=True)
class Change:
    """A configuration as it can take effect in a running gateway."""

    effective: Configuration
    notes: tuple[str, ...]
    """What does not take effect now, in words."""


def applicable(running: Configuration, wanted: Configuration) -> Change:
    """`wanted`, but with those sections of `running` that only a start can change.

    Sockets are bound once and inherited, so `listen` and the admin application stay, but for certificates and the
    token. Never one half of the admin section: a token may be missing because the new address is loopback."""
    kept = []
    if _but_certificates(wanted.settings) != _but_certificates(running.settings):
        kept.append("listen")
    if not _has_same_admin_but_token(running.settings, wanted.settings):
        kept.append("admin")
    for section in kept:
        wanted = _with_section_of(running, wanted, section)
    return Change(wanted, tuple(f"{section} changed: takes effect at restart" for section in kept))


def _but_certificates(settings: GatewaySettings) -> list[ListenSettings]:
    return [listener.model_copy(update={"tls": None}) for listener in settings.listen]


def _has_same_admin_but_token(running: GatewaySettings, wanted: GatewaySettings) -> bool:
    if wanted.admin is None or running.admin is None:
        return wanted.admin is running.admin
    return wanted.admin.model_copy(update={"token": running.admin.token}) == running.admin


def _with_section_of(running: Configuration, wanted: Configuration, section: str) -> Configuration:
    source = {key: value for key, value in wanted.source.items() if key != section}
    if section in running.source:
        source[section] = running.source[section]
    settings = wanted.settings.model_copy(update={section: getattr(running.settings, section)})
    return replace(wanted, settings=settings, source=source)


def certificate_files(configuration: Configuration) -> list[Path]:
    """The TLS files of the listeners, each once, in order."""
    files: dict[Path, None] = {}
    for listener in configuration.settings.listen:
        if listener.tls is not None:
            files[Path(listener.tls.certificate)] = None
            files[Path(listener.tls.key)] = None
    return list(files)
