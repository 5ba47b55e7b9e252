"""The Dockerfile as instructions, for tests on machines without a container engine."""

import json
from collections.abc import Iterable, Iterator
from typing import cast

from tests.support.source import ROOT

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """Every instruction with its arguments, continued lines joined, comments gone."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(line.split(maxsplit=1)[0], " ".join(line.split()[1:])) for line in joined]


def arguments(instruction: str) -> Iterator[str]:
    """The arguments of every `instruction`, in order."""
    return (given for name, given in instructions() if name == instruction)


def copied(found: Iterable[Instruction]) -> list[str]:
    """The paths that COPY takes from the checkout (not from another stage)."""
    copies = [given.split() for name, given in found if name == "COPY" and not given.startswith("--from")]
    return [source for *sources, _ in copies for source in sources]


def health_check() -> list[str]:
    """The command of the health check, in exec form."""
    (given,) = arguments("HEALTHCHECK")
    return cast(list[str], json.loads(given.partition("CMD ")[2]))
