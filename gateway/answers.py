"""What a gateway answered to the command line, as people read it. Documents in, lines of text out; no I/O."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Document = Mapping[str, Any]

_FIRST = ("plugin", "decision", "reason", "why")
"""Members of what a plugin says that stand in its headline."""


class Standing(NamedTuple):
    """How far something has come, for people."""

    stage: str
    """What it does now, in a word."""
    done: int
    total: int
    headline: str
    """All of it on one line."""
    lately: str
    """What changes from one moment to the next."""
    seconds: float
    """How long it has gone on."""
    is_over: bool


def purge_lines(document: Document) -> Iterator[str]:
    """What a purge did: a line for all, and one for each worker."""
    workers: Sequence[Document] = document["workers"]
    did = "would make stale" if document["soft"] else "would remove"
    if not document["dry_run"]:
        did = "made stale" if document["soft"] else "removed"
    what = f"{_count(document['count'], 'stored response')} ({octets(document['octets'])})"
    yield f"{did} {what}; acknowledged by {document['acknowledged']} of {_count(len(workers), 'worker')}"
    for worker in workers:
        yield f"  {_name(worker)}: {worker.get('error') or _purged(worker)}"
    if "note" in document:
        yield f"  {_value(document['note'])}"
    replicas: Document = document.get("replicas", {})
    for name in replicas.get("acknowledged", ()):
        yield f"  gateway {name}: acknowledged"
    for name in replicas.get("silent", ()):
        yield f"  gateway {name}: has not answered; it reads on when it is back"
    if "error" in replicas:
        yield f"  other gateways: told later, since now it is not possible: {replicas['error']}"


def _purged(worker: Document) -> str:
    return f"{_count(worker['count'], 'stored response')} ({octets(worker['octets'])})"


def explain_lines(document: Document) -> Iterator[str]:
    """What would happen to a request: the same words once for all workers that say the same."""
    yield f"{document['method']} {document['url']}"
    workers: Sequence[Document] = document["workers"]
    told = [{name: value for name, value in worker.items() if name not in ("worker", "pid")} for worker in workers]
    for index, words in enumerate(told):
        if words in told[:index]:
            continue
        names = [_name(worker) for worker, others in zip(workers, told, strict=True) if others == words]
        yield f"{', '.join(names)}:"
        yield from (f"  {line}" for line in _explained(words))


def breaker_lines(document: Document) -> Iterator[str]:
    """The circuits: a line for each, and one for each worker that has it otherwise."""
    if "circuits" not in document:
        workers = f"acknowledged by {_count(len(document['workers']), 'worker')}"
        yield f"{document['action']}: {_count(document['count'], 'circuit')} over all workers; {workers}"
        return
    if not document["circuits"]:
        yield "no circuit yet: a server has one from its first answer on"
    for circuit in document["circuits"]:
        yield f"{_value(circuit['circuit'])}: {_standing(circuit)}"
        seen = f"{circuit['failures']} of {_count(circuit['calls'], 'exchange')} in the window failed"
        if circuit["slow"]:
            seen += f", {circuit['slow']} slow"
        yield f"  {seen}"
        if circuit["evidence"]:
            yield f"  {_value(circuit['cause'])}: {_value(circuit['evidence'])}"
        for worker in circuit["workers"]:
            if worker["state"] != circuit["state"]:
                yield f"  worker {worker['worker']}: {_standing(worker)}"


def _standing(circuit: Document) -> str:
    if circuit["is_held"]:
        return "open until somebody closes it"
    if circuit["next_try_seconds"] is not None:
        return f"open, next try in {circuit['next_try_seconds']:.1f} s"
    if circuit["state"] == "closed" and circuit["share"] < 1:
        return f"closed, {circuit['share']:.0%} of the traffic so far"
    return str(circuit["state"])


def _explained(words: Document) -> Iterator[str]:
    if "error" in words:
        yield str(words["error"])
        return
    if words["route"] is None:
        yield "no route takes it: 404"
        return
    yield f"route {words['route']}, upstream {words['upstream']}"
    if not words["plugins"]:
        yield "no plugin has a say in it: the request goes to the upstream"
    for plugin in words["plugins"]:
        yield _headline(plugin)
        yield from (f"  {line}" for line in _members(plugin))


def _headline(plugin: Document) -> str:
    line = f"{plugin['plugin']}: {plugin.get('decision', '')}".rstrip(": ")
    if "reason" in plugin:
        line += f" ({plugin['reason']})"
    return f"{line}: {plugin['why']}" if "why" in plugin else line


def _members(document: Document) -> Iterator[str]:
    for name, value in document.items():
        if name in _FIRST and "plugin" in document:
            continue
        words = name.replace("_", " ")
        if isinstance(value, Mapping):
            yield f"{words}:"
            yield from (f"  {line}" for line in _members(value))
        else:
            yield f"{words}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "–"
    if isinstance(value, float):
        return f"{value:.10g}"
    text = "–" if value is None else str(value)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _name(worker: Document) -> str:
    return f"worker {worker['worker']} (pid {worker['pid']})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def octets(number: float) -> str:
    """A size with its unit, counted in 1,024."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
