"""Reading a configuration: from a file, from a text, or from the command line alone."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.config.build import build
from gateway.config.chain import SettingsResolver
from gateway.config.configuration import Configuration
from gateway.config.mistakes import ConfigError, Mistake, path_text
from gateway.config.scalars import typed

LARGEST_FILE = 2**20
"""Octets of a configuration file."""

_COMMAND_LINE = "command line"


def load_file(
    path: Path,
    resolve: SettingsResolver,
    environ: Mapping[str, str] = os.environ,
    *,
    overrides: Mapping[str, str] | None = None,
) -> Configuration:
    """The configuration in the file at `path`, UTF-8 with or without a byte order mark.

    `overrides` are settings at the top of the file, such as `listen`, that take the place of those in it; they are
    written as in the file. Raises `ConfigError` with every mistake, also for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError([Mistake(str(path), 0, 0, "", f"cannot be read: {error.strerror or error}")]) from error
    try:
        text = octets.decode() if len(octets) <= LARGEST_FILE else octets.decode(errors="replace")
    except UnicodeDecodeError as error:
        before = octets[: error.start]
        column = len(before.rpartition(b"\n")[2].decode(errors="replace")) + 1
        mistake = Mistake(str(path), before.count(b"\n") + 1, column, "", "is not UTF-8 here", "save the file as UTF-8")
        raise ConfigError([mistake]) from error
    return load_text(text, resolve, file=str(path), environ=environ, overrides=overrides)


def load_text(
    text: str,
    resolve: SettingsResolver,
    *,
    file: str = "config.yaml",
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, str] | None = None,
) -> Configuration:
    """The configuration in `text`; `file` is its name in mistakes. Does no I/O. Raises `ConfigError`."""
    from gateway.config.document import read  # brings the YAML library, which workers do without

    if len(text) > LARGEST_FILE:
        raise ConfigError([Mistake(file, 0, 0, "", "is larger than 1 MiB")])
    document = read(text, file, environ)
    data = {} if document.data is None else document.data
    flags = _flags(overrides or {})
    if isinstance(data, dict):
        data = {**data, **flags}
    result = build(data, resolve)
    problems = [] if isinstance(result, Configuration) else result
    mistakes = list(document.mistakes)
    for problem in problems:
        if problem.path and problem.path[0] in flags:
            mistakes.append(Mistake(_COMMAND_LINE, 0, 0, path_text(problem.path), problem.message, problem.hint))
        elif not document.is_consequence(problem):
            mistakes.append(document.mistake(problem))
    if isinstance(result, Configuration) and not mistakes:
        return result
    raise ConfigError(mistakes)


def from_upstream(
    urls: Sequence[str],
    resolve: SettingsResolver,
    *,
    listen: str | None = None,
    admin: str | None = None,
    workers: str | int | None = None,
    chain: Sequence[str] = (),
) -> Configuration:
    """A configuration without a file: one upstream called `app` with servers at `urls`, everything else by default.

    `chain` names the plugins, outermost first, each with its defaults. Raises `ConfigError`."""
    given = {"listen": listen, "admin": admin, "workers": None if workers is None else str(workers)}
    data: dict[str, Any] = {
        **_flags({key: value for key, value in given.items() if value is not None}),
        "upstreams": {"app": {"servers": list(urls)}},
        "plugins": [{name: {}} for name in chain],
    }
    result = build(data, resolve)
    if isinstance(result, Configuration):
        return result
    raise ConfigError(Mistake(_COMMAND_LINE, 0, 0, path_text(p.path), p.message, p.hint) for p in result)


def _flags(texts: Mapping[str, str]) -> dict[str, Any]:
    """Texts of the command line typed as plain scalars of the file are."""
    return {key: typed(text) for key, text in texts.items()}
