"""What workers told when all of them were asked the same, and what that amounts to. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

from gateway.worker.control import CallRefusedError, Message, UnknownKindError


class Telling(Enum):
    """What became of a question to a worker."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """It could not do what was asked, and says why."""
    UNKNOWN = "unknown"
    """Nothing in its chain answers such questions."""
    SILENT = "silent"
    """No answer in time, or the worker ended. What was asked may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Told:
    """One worker's answer, or why there is none."""

    worker: str
    pid: int
    telling: Telling
    answer: Message
    error: str = ""

    @classmethod
    def of(cls, worker: str, pid: int, outcome: Message | BaseException) -> "Told":
        """From what a call of that worker returned or raised."""
        if not isinstance(outcome, BaseException):
            return cls(worker, pid, Telling.ANSWERED, outcome)
        telling = Telling.SILENT
        if isinstance(outcome, CallRefusedError):
            telling = Telling.UNKNOWN if isinstance(outcome, UnknownKindError) else Telling.REFUSED
        return cls(worker, pid, telling, {}, str(outcome) or type(outcome).__name__)

    def to_json(self) -> dict[str, Any]:
        """For people: the answer under the worker's name, or the error."""
        known = {"worker": self.worker, "pid": self.pid}
        return {**known, **self.answer} if self.telling is Telling.ANSWERED else {**known, "error": self.error}


def status_of(told: Sequence[Told]) -> HTTPStatus:
    """What all the answers amount to.

    200: every worker answered. 207: some did, and the others are named with their errors. 404: nothing in the chains
    answers such questions. 422: they refused it, and say why. 502: no worker answered. 503: there is none to ask."""
    tellings = {each.telling for each in told}
    if not tellings:
        return HTTPStatus.SERVICE_UNAVAILABLE
    if tellings == {Telling.ANSWERED}:
        return HTTPStatus.OK
    if Telling.ANSWERED in tellings:
        return HTTPStatus.MULTI_STATUS
    if Telling.REFUSED in tellings:
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.NOT_FOUND if tellings == {Telling.UNKNOWN} else HTTPStatus.BAD_GATEWAY


def words_for(status: HTTPStatus, told: Sequence[Told], asked: str) -> str:
    """Why there is no answer, for people. `asked` names the question."""
    match status:
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return "no worker is ready"
        case HTTPStatus.NOT_FOUND:
            return f"nothing in the chain of any route answers {asked!r}: the configuration has no store"
        case _:
            return "; ".join(dict.fromkeys(each.error for each in told if each.error))


def replicas_of(told: Sequence[Told]) -> dict[str, Any]:
    """What a worker has heard from other gateways about a purge, under `replicas`; nothing when none told them.

    One worker tells them for all; an answer without an error is the better one."""
    found = [each.answer["replicas"] for each in told if "replicas" in each.answer]
    return {"replicas": min(found, key=lambda each: "error" in each)} if found else {}


def without_replicas(worker: dict[str, Any]) -> dict[str, Any]:
    """A worker's answer without that."""
    return {name: value for name, value in worker.items() if name != "replicas"}
