"""Settings that name an upstream: whether there is one of that name is checked with the whole file at hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from gateway.config.mistakes import Path, Problem, did_you_mean


class _Named(str):
    """The name of an upstream, told from other texts by its class."""

    __slots__ = ()


UpstreamName = Annotated[str, Field(min_length=1), AfterValidator(_Named)]
"""A setting that names an upstream. A name that is none of the file's is a mistake of the file."""


def unknown_upstreams(settings: BaseModel, names: Collection[str], path: Path) -> list[Problem]:
    """What is wrong with the names of upstreams in `settings`, which stand at `path`. Without `names` nothing is known
    about them."""
    if not names:
        return []
    known = list(names)
    return [
        Problem(at, "there is no such upstream", did_you_mean(name, known, "upstreams"))
        for at, name in _names_in(settings, path)
        if name not in names
    ]


def _names_in(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, _Named):
        yield path, str(value)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _names_in(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _names_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _names_in(item, (*path, index))
