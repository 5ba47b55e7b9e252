"""What an administrator asks of sweeps, read and checked. No I/O."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.config.settings import SweepSettings
from gateway.supervisor.question import QuestionError

AD_HOC = "unnamed"
"""The name of a sweep that is in no configuration."""
_NOT_ORDERED = ("schedule", "time_zone")


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """A sweep to be run."""

    name: str
    settings: SweepSettings
    trigger: str
    """`api` or `schedule`."""


def read_order(document: Any, known: dict[str, SweepSettings]) -> SweepOrder:
    """The sweep that a JSON document asks for: one of the configuration by its `name`, whose settings other members
    change; or one of its own. Raises QuestionError."""
    if not isinstance(document, dict):
        raise QuestionError('a sweep is a JSON object, such as {"tags": ["shop"]} or {"name": "nightly"}')
    said = dict(document)
    name = said.pop("name", None)
    if name is not None and (not isinstance(name, str) or name not in known):
        raise QuestionError(f"no sweep of the configuration is called {name!r}; there are {', '.join(known) or 'none'}")
    given = [each for each in _NOT_ORDERED if each in said]
    if given:
        raise QuestionError(f"{given[0]} is for the configuration: a sweep that is ordered begins at once")
    try:
        settings = SweepSettings.model_validate(said)
    except ValidationError as error:
        raise QuestionError("; ".join(_words_for(each) for each in error.errors())) from None
    if name is None:
        return SweepOrder(AD_HOC, settings, "api")
    changes = {each: getattr(settings, each) for each in settings.model_fields_set}
    return SweepOrder(name, known[name].model_copy(update=changes), "api")


def _words_for(error: Any) -> str:
    """One mistake, for people."""
    place = ".".join(str(part) for part in error["loc"] if isinstance(part, str | int))
    return f"{place}: {error['msg'].removeprefix('Value error, ')}" if place else str(error["msg"])
