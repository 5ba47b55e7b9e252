"""Circuits in the admin application: how they stand in all workers, and opening, closing or resetting them by hand.

Which plugin has circuits is no concern of this file: it asks all workers in words of the gateway's own."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from gateway.config import SettingError
from gateway.config.units import parse_duration
from gateway.supervisor.problem import problem
from gateway.supervisor.question import QuestionError
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.told import Telling, Told, status_of, words_for

ACTIONS = ("open", "close", "reset")
_STATES = ("closed", "half-open", "open")
_ADDED_UP = ("calls", "failures", "slow")
_OF_A_WORKER = ("state", "share", "since_seconds", "next_try_seconds", "is_held", *_ADDED_UP)


class Breakers:
    """The handlers, over the workers of a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._log = structlog.get_logger("slipstream.admin")

    async def list(self, request: web.Request) -> web.Response:
        """Every circuit, as it stands in all workers."""
        told = await self._supervisor.fleet.ask("circuits")
        return self._answer(told, lambda: {"circuits": merged(told), "workers": without_circuits(told)})

    async def order(self, request: web.Request) -> web.Response:
        """Open, close or reset circuits in every worker; 207 names those that did not answer."""
        try:
            order = read_order(await request.json())
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except ValueError:
            return problem(HTTPStatus.BAD_REQUEST, "the content is not JSON")
        told = await self._supervisor.fleet.ask("circuit_order", **order)
        count = sum(each.answer.get("count", 0) for each in told)
        if not count and any(each.telling is Telling.ANSWERED for each in told):
            named = order.get("circuit")
            return problem(
                HTTPStatus.NOT_FOUND, f"no worker has a circuit {named!r}" if named else "there is no circuit"
            )
        self._log.info("circuits ordered", **order, count=count, workers=len(told))
        return self._answer(told, lambda: {**order, "count": count, "workers": [each.to_json() for each in told]})

    def _answer(self, told: Sequence[Told], document: Callable[[], dict[str, Any]]) -> web.Response:
        status = status_of(told)
        if status in (HTTPStatus.OK, HTTPStatus.MULTI_STATUS):
            return web.json_response(document(), status=status)
        words = words_for(status, told, "circuits")
        if status is HTTPStatus.NOT_FOUND:
            words = "nothing in the chain of any route has circuits"
        return problem(status, words, workers=[each.to_json() for each in told])


def read_order(document: Any) -> dict[str, Any]:
    """The order that a JSON document gives, as workers understand it. Raises QuestionError."""
    if not isinstance(document, dict):
        raise QuestionError('an order is a JSON object, such as {"circuit": "server:app", "action": "close"}')
    unknown = sorted(document.keys() - {"circuit", "all", "action", "for"})
    if unknown:
        raise QuestionError(f"unknown: {', '.join(unknown)}; there are circuit, all, action and for")
    action = document.get("action")
    if action not in ACTIONS:
        raise QuestionError(f"action is one of {', '.join(ACTIONS)}")
    order: dict[str, Any] = {"action": action}
    circuit, every = document.get("circuit"), document.get("all", False)
    if not isinstance(every, bool):
        raise QuestionError("all is true or false")
    if every == (circuit is not None):
        raise QuestionError("an order names a circuit, or all")
    if every:
        order["all"] = True
    elif isinstance(circuit, str) and circuit and circuit.isprintable():
        order["circuit"] = circuit
    else:
        raise QuestionError("circuit is a text that is not empty")
    if document.get("for") is not None:
        order["seconds"] = _read_seconds(action, document["for"])
    return order


def _read_seconds(action: str, written: object) -> float:
    if action != "open":
        raise QuestionError("for says how long a circuit stays open: it goes with open alone")
    try:
        seconds = parse_duration(written)
    except SettingError as error:
        raise QuestionError(f"for {error}") from None
    if seconds <= 0:
        raise QuestionError("for must be above zero")
    return seconds


def merged(told: Sequence[Told]) -> list[dict[str, Any]]:
    """Every circuit once, by name: how it stands in the worker where it is worst, and in each of them."""
    circuits: dict[str, dict[str, Any]] = {}
    for each in told:
        for found in each.answer.get("circuits", ()):
            worker = {"worker": each.worker, **{name: found[name] for name in _OF_A_WORKER}}
            known = circuits.get(found["circuit"])
            if known is None:
                circuits[found["circuit"]] = {**found, "workers": [worker]}
                continue
            added = {name: known[name] + found[name] for name in _ADDED_UP}
            worst = found if _STATES.index(found["state"]) > _STATES.index(known["state"]) else known
            circuits[found["circuit"]] = {**worst, **added, "workers": [*known["workers"], worker]}
    return [circuits[name] for name in sorted(circuits)]


def without_circuits(told: Sequence[Told]) -> list[dict[str, Any]]:
    """The workers that were asked, each with its error if there was one."""
    return [{name: value for name, value in each.to_json().items() if name != "circuits"} for each in told]
