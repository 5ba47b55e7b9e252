"""What an administrator asks of workers: purges, and what would happen to a request. Read and checked; no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SELECTORS = ("url", "prefix", "tag", "route", "all")
"""What a purge may name, one at a time."""
MOST_FIELDS = 100
"""Fields that a request may have when it is asked about: as many as listeners take unless told otherwise."""


class QuestionError(ValueError):
    """What was asked cannot be understood; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class PurgeOrder:
    """A purge that makes sense."""

    by: str
    """One of `SELECTORS`."""
    value: str | bool
    """What it names; True for `all`."""
    soft: bool = False
    """Make stale, to be served while it is refreshed, instead of removing."""
    dry_run: bool = False
    """Change nothing, and say what would go."""

    def fields(self) -> dict[str, Any]:
        """For the workers, and for the answer."""
        return {self.by: self.value, "soft": self.soft, "dry_run": self.dry_run}


def read_purge(document: Any) -> PurgeOrder:
    """The purge that a JSON document asks for. Raises QuestionError."""
    if not isinstance(document, dict):
        raise QuestionError('a purge is a JSON object, such as {"tag": "shop"}')
    unknown = sorted(document.keys() - {*SELECTORS, "soft", "dry_run"})
    if unknown:
        raise QuestionError(f"unknown: {', '.join(unknown)}; there are {', '.join(SELECTORS)}, soft and dry_run")
    given = [name for name in SELECTORS if document.get(name) not in (None, False)]
    if len(given) != 1:
        raise QuestionError("a purge names exactly one of url, prefix, tag, route and all")
    by, value = given[0], document[given[0]]
    if by == "all" and value is not True:
        raise QuestionError("all is true or left out")
    if by != "all" and not (isinstance(value, str) and value and _is_unicode(value)):
        raise QuestionError(f"{by} is a text that is not empty")
    for name in ("soft", "dry_run"):
        if not isinstance(document.get(name, False), bool):
            raise QuestionError(f"{name} is true or false")
    return PurgeOrder(by, value, document.get("soft", False), document.get("dry_run", False))


def _is_unicode(text: str) -> bool:
    """Whether it can be written at all: JSON may hold halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_explain(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The request that the parameters of a query describe: `url`, `method`, and `header` as often as it has fields.

    Whether it is one that a listener would take, workers judge. Raises QuestionError."""
    question: dict[str, Any] = {"method": "GET", "url": "", "fields": []}
    for name, text in query:
        if name == "header":
            question["fields"].append(read_field(text))
        elif name in ("url", "method"):
            question[name] = text
        else:
            raise QuestionError(f"unknown: {name}; there are url, method and header")
    if not question["url"]:
        raise QuestionError("url is missing: the whole one, as clients ask for it, such as http://shop.example/a")
    if len(question["fields"]) > MOST_FIELDS:
        raise QuestionError(f"more than {MOST_FIELDS} fields")
    return question


def read_field(text: str) -> list[str]:
    """Name and value of a field written as `Name: value`. Raises QuestionError."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise QuestionError(f"{text!r} is not a field: write 'Name: value'")
    return [name.strip(), value.strip()]
