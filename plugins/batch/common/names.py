"""Names that a setting lists: each as it is, or the beginning of names and a star."""

from __future__ import annotations

from collections.abc import Iterable


class Names:
    """A set of names, some of them all that begin alike."""

    __slots__ = ("_beginnings", "_exact")

    def __init__(self, names: Iterable[str]) -> None:
        listed = tuple(names)
        self._exact = frozenset(name for name in listed if not name.endswith("*"))
        self._beginnings = tuple(name[:-1] for name in listed if name.endswith("*"))

    def __contains__(self, name: str) -> bool:
        return name in self._exact or name.startswith(self._beginnings)
