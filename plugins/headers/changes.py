"""Changes of fields, compiled: what a message needs no thought for is thought of before."""

from collections.abc import Iterable, Mapping

from gateway.api import Fields
from plugins.headers.settings import Changes, ResponseChanges
from plugins.headers.template import Composed, Moment, Template

Value = bytes | Composed
Lines = tuple[tuple[bytes, Value], ...]


class CompiledChanges:
    """The changes of one message."""

    __slots__ = ("_add", "_default", "_names", "_prefixes", "_set", "is_constant")

    def __init__(self, changes: Changes, constants: Mapping[str, str]) -> None:
        names = [name.lower().encode() for name in changes.remove]
        self._names = frozenset(name for name in names if not name.endswith(b"*"))
        self._prefixes = tuple(name[:-1] for name in names if name.endswith(b"*"))
        self._set = _compiled(changes.set.items(), constants)
        self._add = _compiled(((name, text) for name, texts in changes.add.items() for text in texts), constants)
        self._default = _compiled(changes.default.items(), constants)
        self.is_constant = not any(isinstance(value, Composed) for _, value in self._set + self._add + self._default)

    def __bool__(self) -> bool:
        return bool(self._names or self._prefixes or self._set or self._add or self._default)

    def apply(self, fields: Fields, moment: Moment) -> None:
        """Make the changes: remove, set, add, default."""
        if self._names or self._prefixes:
            fields.remove_any(self._names, self._prefixes)
        for name, value in self._set:
            fields.set(name, value if isinstance(value, bytes) else value(moment))
        for name, value in self._add:
            fields.add(name, value if isinstance(value, bytes) else value(moment))
        for name, value in self._default:
            if name.lower() not in fields:
                fields.add(name, value if isinstance(value, bytes) else value(moment))


class CompiledResponses:
    """The changes of responses, by status."""

    __slots__ = ("_any", "_rules")

    def __init__(self, groups: Iterable[ResponseChanges], constants: Mapping[str, str]) -> None:
        self._rules = tuple(
            (_statuses(group.status), compiled) for group in groups if (compiled := CompiledChanges(group, constants))
        )

    def __bool__(self) -> bool:
        return bool(self._rules)

    @property
    def is_constant(self) -> bool:
        """Whether no value depends on the exchange."""
        return all(changes.is_constant for _, changes in self._rules)

    def apply(self, fields: Fields, moment: Moment) -> bool:
        """Make the changes that are meant for this status; whether there were any."""
        applied = False
        for statuses, changes in self._rules:
            if statuses is None or moment.status in statuses:
                changes.apply(fields, moment)
                applied = True
        return applied


def _compiled(lines: Iterable[tuple[str, str]], constants: Mapping[str, str]) -> Lines:
    return tuple((name.encode(), Template(text).bind(constants)) for name, text in lines)


def _statuses(patterns: tuple[str, ...]) -> frozenset[int] | None:
    """The statuses meant; `None` for all."""
    if not patterns:
        return None
    found: set[int] = set()
    for pattern in patterns:
        hundreds = int(pattern[0]) * 100
        found.update(range(hundreds, hundreds + 100) if pattern.endswith("xx") else (int(pattern),))
    return frozenset(found)
