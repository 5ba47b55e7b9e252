"""Settings of plugins that refer to another part of the file: whether that is there is checked with the whole file at
hand."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from gateway.config.mistakes import Path, Problem, did_you_mean


class _Named(str):
    """The name of an upstream, told from other texts by its class."""

    __slots__ = ()


UpstreamName = Annotated[str, Field(min_length=1), AfterValidator(_Named)]
"""A setting that names an upstream. A name that is none of the file's is a mistake of the file."""


class SharedBy(enum.Enum):
    """A setting that says who has something in common: the workers of this gateway, or all gateways with the same
    Redis. Without `redis` in the file the latter is a mistake of the file."""

    WORKERS = "workers"
    REDIS = "redis"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is in the file."""

    upstreams: Collection[str] = ()
    """Their names. Without any, nothing is known about them."""
    has_redis: bool = True


def loose_ends(settings: BaseModel, around: Surroundings, path: Path) -> list[Problem]:
    """What `settings`, which stand at `path`, refer to and the file does not have."""
    problems = []
    known = list(around.upstreams)
    for at, reference in _references_in(settings, path):
        if isinstance(reference, _Named):
            if known and reference not in known:
                problems.append(Problem(at, "there is no such upstream", did_you_mean(reference, known, "upstreams")))
        elif reference is SharedBy.REDIS and not around.has_redis:
            hint = "write redis: redis://HOST:6379 beside plugins"
            problems.append(Problem(at, "needs to know where Redis is", hint))
    return problems


def _references_in(value: object, path: Path) -> Iterator[tuple[Path, _Named | SharedBy]]:
    if isinstance(value, _Named | SharedBy):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _references_in(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references_in(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _references_in(item, (*path, index))
