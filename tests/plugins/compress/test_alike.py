"""What is left as it is gets its fields from the first one like it, and from no other."""

from gateway.api import Fields, Figures, Request, Response
from plugins.compress.alike import Alike
from plugins.compress.client import Client, Clients
from plugins.compress.figures import CompressFigures
from plugins.compress.planning import Plan
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, OriginSees
from tests.support.plugins import make_request

CLIENTS = Clients((Coding.GZIP,), OriginSees.IDENTITY)
FIGURES = CompressFigures(Figures.in_memory(), "r")
TOLD = FIGURES.outcome(CompressReason.SMALL)


def client(value: bytes = b"gzip") -> Client:
    return CLIENTS.of(value)


class Case:
    """Answers with the same octets in their heads; the first one was left as it is and got a field more."""

    def __init__(self) -> None:
        self.alike = Alike()
        self.head = Fields([(b"Content-Type", b"text/plain")])
        first = self.answer()
        came = first.fields.again()
        first.fields.add(b"Vary", b"Accept-Encoding")
        self.alike.remember(make_request(), self.plan(), first, 7, came, TOLD)

    def plan(self, value: bytes = b"gzip", leaves: CompressReason | None = None) -> Plan:
        return Plan(client(value), None, leaves)

    def answer(self, status: int = 200) -> Response:
        return Response(status, self.head.again(), b"content")

    def given(
        self, request: Request | None = None, plan: Plan | None = None, status: int = 200, length: int = 7
    ) -> bool:
        response = self.answer(status)
        given = self.alike.give_again(request or make_request(), plan or self.plan(), response, length)
        assert (b"vary" in response.fields) is given
        return given


def test_the_next_one_like_it_gets_the_same_fields_and_is_told_and_counted() -> None:
    case, request, before = Case(), make_request(), TOLD[0].row[TOLD[0].cell]
    assert case.given(request)
    assert [decision.reason for decision in request.trail] == [CompressReason.SMALL]
    assert TOLD[0].row[TOLD[0].cell] == before + 1


def test_its_fields_are_its_own() -> None:
    case, response = Case(), None
    for _ in range(2):
        response = case.answer()
        case.alike.give_again(make_request(), case.plan(), response, 7)
        assert len(response.fields) == 2
        response.fields.add(b"X", b"y")


def test_another_client_status_or_length_is_another_question() -> None:
    case = Case()
    assert not case.given(plan=case.plan(b"identity"))
    assert not case.given(status=203)
    assert not case.given(length=8)


def test_what_the_request_says_against_coding_counts() -> None:
    case = Case()
    assert not case.given(plan=case.plan(leaves=CompressReason.RANGE))
    assert not case.given(make_request("HEAD"))


def test_fields_that_somebody_changed_are_not_known() -> None:
    case, response = Case(), Response(200, Fields([(b"Content-Type", b"text/plain")]), b"content")
    assert not case.alike.give_again(make_request(), case.plan(), response, 7)
