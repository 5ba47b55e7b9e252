from typing import Any

import pytest

from gateway.api import Monotonic, Response
from plugins.coalesce.answer import SharedAnswer
from plugins.coalesce.asked import asked_by
from plugins.coalesce.budget import Budget
from plugins.coalesce.flight import Flight, Given, Member, Turned
from plugins.coalesce.key import Keyer
from plugins.coalesce.known import NOTHING, Fact, Known
from plugins.coalesce.landing import Landings
from plugins.coalesce.reasons import ApartReason
from plugins.coalesce.settings import CoalesceSettings
from plugins.coalesce.table import Table
from tests.support.plugins import make_request, make_response

NOW = Monotonic(0.0)
ALICE, BOB = {"Cookie": "id=alice"}, {"Cookie": "id=bob"}


class Field:
    """Landings with all they need."""

    def __init__(self, **settings: Any) -> None:
        checked = CoalesceSettings.model_validate(settings)
        self.keyer = Keyer(checked)
        self.known = Known()
        self.table = Table(self.keyer, self.known)
        self.landings = Landings(checked, self.keyer, self.table, Budget(), lambda number: None)

    def member(self, fields: dict[str, str], *, leads: bool = False) -> Member:
        request = make_request(fields=fields)
        asked = asked_by(request)
        return Member(request, asked, self.keyer.parts(asked), NOW, NOW, None, leads=leads)

    def land(self, first: dict[str, str], response: Response, *members: Member) -> int:
        flight = Flight(make_request(fields=first), 0)
        answer = SharedAnswer(flight, response)
        answer.body = b"content"
        return self.landings.distribute(flight, answer, list(members), NOW)

    def fact(self, fields: dict[str, str]) -> Fact:
        return self.known.recall(b"/", self.keyer.parts(asked_by(make_request(fields=fields))).common, NOW)


def turned(member: Member) -> ApartReason | None:
    return member.outcome.reason if isinstance(member.outcome, Turned) else None


def test_each_gets_what_is_his() -> None:
    field = Field()
    same, other = field.member(ALICE), field.member(BOB)
    assert field.land(ALICE, make_response(), same, other) == 1
    assert isinstance(same.outcome, Given)
    assert same.outcome.body == b"content"
    assert turned(other) is ApartReason.IDENTITY


def test_whoever_the_exchange_was_made_for_gets_it_whatever_it_is() -> None:
    field = Field()
    first, second = field.member(ALICE, leads=True), field.member(ALICE)
    assert field.land(ALICE, make_response(200, {"Set-Cookie": "a=1"}), first, second) == 0
    assert isinstance(first.outcome, Given)
    assert turned(second) is ApartReason.SET_COOKIE


def test_who_is_alike_to_the_octet_needs_no_comparison() -> None:
    field = Field()
    member = field.member(ALICE)
    member.parts = None
    assert field.land(ALICE, make_response(), member) == 1


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({}, NOTHING),
        ({"Set-Cookie": "a=1"}, Fact(Monotonic(10.0), apart=ApartReason.SET_COOKIE)),
        ({"Vary": "*"}, Fact(Monotonic(10.0), apart=ApartReason.VARY_STAR)),
        ({"Cache-Control": "public"}, Fact(Monotonic(600.0), for_everybody=True)),
        (
            {"Cache-Control": "public", "Vary": "User-Agent, Cookie"},
            Fact(Monotonic(600.0), for_everybody=True, vary=(b"cookie", b"user-agent")),
        ),
        ({"Vary": "User-Agent, Cookie, Accept"}, Fact(Monotonic(600.0), vary=(b"user-agent",))),
    ],
)
def test_what_an_answer_teaches(fields: dict[str, str], fact: Fact) -> None:
    field = Field()
    field.land(ALICE, make_response(200, fields), field.member(ALICE))
    assert field.fact(ALICE) == fact


def test_a_later_answer_unteaches() -> None:
    field = Field()
    field.land(ALICE, make_response(200, {"Cache-Control": "public"}), field.member(ALICE))
    field.land(ALICE, make_response(), field.member(ALICE))
    assert field.fact(ALICE) == NOTHING


def test_a_status_about_one_client_teaches_nothing() -> None:
    field = Field()
    field.land(ALICE, make_response(200, {"Cache-Control": "public"}), field.member(ALICE))
    field.land(ALICE, make_response(429), field.member(BOB))
    assert field.fact(ALICE).for_everybody


def test_nothing_is_remembered_where_the_settings_say_so() -> None:
    field = Field(remember="0s", remember_shared="0s")
    for fields in ({"Set-Cookie": "a=1"}, {"Cache-Control": "public"}, {"Vary": "User-Agent"}):
        field.land(ALICE, make_response(200, fields), field.member(ALICE))
    assert len(field.known) == 0


def test_a_locked_out_client_shares_that_with_its_equals_alone() -> None:
    field = Field()
    same, other = field.member({"User-Agent": "a"}), field.member({"User-Agent": "b"})
    assert field.land({"User-Agent": "a"}, make_response(403), same, other) == 1
    assert turned(other) is ApartReason.STATUS
