"""An array of calls taken apart: what each says, which may share an answer, and in what order they may run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from plugins.batch.common.json_text import JsonError, elements, skip_space, text_of


@dataclass(frozen=True, slots=True)
class Call:
    """One member of an array."""

    text: str
    """As it came."""
    key: object = None
    """Calls with equal keys may share an answer; `None` shares with nobody."""
    changes: bool = False
    """Whether it may change something."""
    id: str | None = None
    """Its id as it came, where the protocol has ids."""
    id_at: tuple[int, int] | None = None
    """Where that stands in `text`."""
    wants_answer: bool = True
    refusal: str | None = None
    """The answer to something that is no call: it is not sent."""


@dataclass(slots=True)
class Shared:
    """A call that is made, and all that its answer is for."""

    call: Call
    places: list[int] = field(default_factory=list)
    """Places in the array."""


def members_of(body: bytes) -> list[tuple[object, str]] | None:
    """Value and text of each member of an array, `None` for what is none, or an empty one: that passes as it is."""
    try:
        text = text_of(body)
        at = skip_space(text, 0)
        if text[at : at + 1] != "[":
            return None
        found, behind = [], at
        for value, begin, end in elements(text, at):
            found.append((value, text[begin:end]))
            behind = end
        behind = skip_space(text, behind)
        if not found or skip_space(text, behind + 1) != len(text):
            return None
    except JsonError:
        return None
    return found


def stages(calls: Iterable[Call], *, in_order: bool) -> list[list[Shared]]:
    """What to send: stage after stage, the calls of a stage side by side.

    Two calls share an answer only with nothing between them that may change it. With `in_order` a call that may change
    something has a stage of its own; otherwise there is one stage for all (JSON-RPC 2.0 §6 allows any order)."""
    planned: list[list[Shared]] = [[]]
    known: dict[object, Shared] = {}
    for place, call in enumerate(calls):
        if call.refusal is not None:
            continue
        shared = known.get(call.key) if call.key is not None else None
        if shared is not None:
            shared.places.append(place)
            continue
        shared = Shared(call, [place])
        if call.changes:
            known.clear()
        elif call.key is not None:
            known[call.key] = shared
        if in_order and call.changes:
            planned += [[shared], []]
        else:
            planned[-1].append(shared)
    return [stage for stage in planned if stage]
