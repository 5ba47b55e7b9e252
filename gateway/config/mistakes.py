"""Mistakes in a configuration: what is wrong, where it stands, and what to do about it."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys and positions from the top of the file down to a value."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_:-]+")
_SECRETS = re.compile(
    r"""((?:token|password|passwd|secret|api_?key|credential)[\w-]{0,40}["']?\s{0,20}:\s{0,20})("[^"]*"?|'[^']*'?|[^\s,}\]]+)|(://)([^/@\s]+)(?=@)""",
    re.IGNORECASE,
)
_WIDEST_EXCERPT = 120
_MOST_MISTAKES = 100
_MOST_CANDIDATES = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place in the data, before anybody asked where in the file that is."""

    path: Path
    message: str
    hint: str | None = None
    at_key: bool = False
    """The key itself is wrong, and not its value."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong at a place in a file."""

    file: str
    line: int
    """From 1; 0 where the mistake belongs to no line."""
    column: int
    """In characters, from 1."""
    path: str
    """The setting, such as `upstreams.app.servers[0].url`; empty for the file as a whole."""
    message: str
    hint: str | None = None
    excerpt: str = ""
    """The line of the file as it stands there, or the part around the column; secrets are replaced by stars."""
    caret: int = 0
    """Position in the excerpt that the column points to, from 0."""

    def summary(self) -> str:
        """One line: `config.yaml:14:7: upstreams.api.timeout: unknown key; did you mean 'timeouts'?`"""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return _clean(f"{text}; {self.hint}" if self.hint else text)

    def render(self) -> str:
        """The summary, and below it the line with a caret under the column."""
        if not self.excerpt:
            return self.summary()
        before = "".join("\t" if char == "\t" else " " for char in self.excerpt[: self.caret].ljust(self.caret))
        return f"{self.summary()}\n    {self.excerpt}\n    {before}^"


class ConfigError(Exception):
    """A configuration that cannot be used. Holds the mistakes that were found, in the order of the file."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        ordered = sorted(dict.fromkeys(mistakes), key=lambda each: (each.line, each.column))
        self.mistakes: tuple[Mistake, ...] = tuple(ordered[:_MOST_MISTAKES])
        self.left_out = len(ordered) - len(self.mistakes)
        """How many further mistakes there are after the first hundred."""
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        lines = [mistake.render() for mistake in self.mistakes]
        return "\n".join([*lines, f"… and {self.left_out} more"] if self.left_out else lines)


def path_text(path: Path) -> str:
    """`path` as people write it. The position in the global list of plugins is left out: names are unique there."""
    if len(path) > 2 and path[0] == "plugins" and isinstance(path[1], int):
        path = (path[0], *path[2:])
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN_KEY.fullmatch(part) else f'"{printable(part)}"'
            text += f".{name}" if text else name
    return text


def printable(text: str) -> str:
    """`text` with every character that could disturb a terminal or a log line replaced, and not too long."""
    return _clean(text) if len(text) <= 80 else f"{_clean(text[:80])}…"


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def shown(line: str) -> str:
    """A line of a file as it may be shown, as long as it was: control characters replaced, secrets hidden."""
    clean = "".join(char if char == "\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return _SECRETS.sub(_stars, clean)


def excerpt(line: str, column: int) -> tuple[str, int]:
    """The part of `line` around `column` (from 1), and the position of the column in it (from 0)."""
    start = max(0, column - 1 - _WIDEST_EXCERPT // 2) if len(line) > _WIDEST_EXCERPT else 0
    return line[start : start + _WIDEST_EXCERPT], column - 1 - start


def _stars(match: re.Match[str]) -> str:
    """Stars in place of the secret, as many as it had characters: the caret must stay where it belongs."""
    name, secret = (match[1], match[2]) if match[2] is not None else (match[3], match[4])
    return match[0] if secret.startswith(("${", '"${', "'${")) else name + "*" * len(secret)


def did_you_mean(name: str, candidates: Sequence[str], kind: str) -> str | None:
    """A hint with the candidate most like `name`, or else with all of them if they are few."""
    similar = difflib.get_close_matches(name[:80], candidates, n=1)
    if similar:
        return f"did you mean '{similar[0]}'?"
    if 0 < len(candidates) <= _MOST_CANDIDATES:
        return f"{kind}: {', '.join(candidates)}"
    return None
