import pytest

from plugins.websocket_batch.negotiation import (
    Agreed,
    Offer,
    OfferError,
    agree,
    read_offer,
    split,
    upstream_protocols,
    without_parameter,
)
from tests.support.plugins import fields_of

FORMS = ("batch.v1", "batch-json.v1")


def offer_of(protocols: str | None = None, field: str | None = None, query: bytes | None = None) -> Offer:
    given = {}
    if protocols is not None:
        given["Sec-WebSocket-Protocol"] = protocols
    if field is not None:
        given["X-Gateway-Batch"] = field
    return read_offer(fields_of(given), query, FORMS, "batch")


@pytest.mark.parametrize(
    ("protocol", "parts"),
    [
        (b"chat", (b"chat", None)),
        (b"chat+batch.v1", (b"chat", "batch.v1")),
        (b"a+b+batch-json.v1", (b"a+b", "batch-json.v1")),
        (b"batch.v1", (b"", "batch.v1")),
        (b"xbatch.v1", (b"xbatch.v1", None)),
        (b"chat+batch.v2", (b"chat+batch.v2", None)),
    ],
)
def test_a_subprotocol_is_a_name_and_perhaps_a_format(protocol: bytes, parts: tuple[bytes, str | None]) -> None:
    assert split(protocol) == parts


# What the client offers, what the upstream is offered then, what it chooses, what the client hears, in which format.
CASES = [
    (None, None, None, None, None),
    ("chat", b"chat", b"chat", b"chat", None),
    ("chat", b"chat", None, None, None),
    ("batch.v1", None, None, b"batch.v1", "batch.v1"),
    ("batch-json.v1", None, None, b"batch-json.v1", "batch-json.v1"),
    ("batch-json.v1, batch.v1", None, None, b"batch-json.v1", "batch-json.v1"),
    ("chat+batch.v1, chat", b"chat", b"chat", b"chat+batch.v1", "batch.v1"),
    ("chat, chat+batch.v1", b"chat", b"chat", b"chat+batch.v1", "batch.v1"),
    ("chat+batch.v1", b"chat", b"chat", b"chat+batch.v1", "batch.v1"),
    ("chat+batch.v1, chat", b"chat", None, None, None),
    ("a+batch.v1, b", b"a, b", b"b", b"b", None),
    ("a+batch.v1, b+batch-json.v1", b"a, b", b"b", b"b+batch-json.v1", "batch-json.v1"),
    ("chat, batch.v1", b"chat", None, b"batch.v1", "batch.v1"),
    ("chat, batch.v1", b"chat", b"chat", b"chat", None),
]


@pytest.mark.parametrize(("offered", "passed_on", "chosen", "heard", "form"), CASES)
def test_each_leg_is_agreed_on_by_itself(
    offered: str | None, passed_on: bytes | None, chosen: bytes | None, heard: bytes | None, form: str | None
) -> None:
    offer = offer_of(offered)
    assert upstream_protocols(offer, None) == passed_on
    assert agree(offer, chosen, None) == Agreed(heard, None, form, None)


def test_a_field_asks_as_well_and_is_answered_by_the_same() -> None:
    assert agree(offer_of(field="v1"), None, None) == Agreed(None, b"v1", "batch.v1", None)
    assert agree(offer_of("chat", "JSON"), b"chat", None) == Agreed(b"chat", b"json", "batch-json.v1", None)
    assert agree(offer_of(field="v9"), None, None) == Agreed(None, None, None, None)


def test_a_query_asks_without_an_answer() -> None:
    assert agree(offer_of(query=b"a=1&batch=json"), None, None) == Agreed(None, None, "batch-json.v1", None)
    assert agree(offer_of(query=b"batch=no"), None, None) == Agreed(None, None, None, None)
    assert read_offer(fields_of({}), b"batch=v1", FORMS, None).by_query is None


def test_a_format_that_is_not_spoken_here_is_not_passed_on() -> None:
    offer = read_offer(fields_of({"Sec-WebSocket-Protocol": "chat+batch.v1, batch.v1, news"}), None, (), None)
    assert upstream_protocols(offer, None) == b"news"
    assert agree(offer, b"news", None) == Agreed(b"news", None, None, None)


def test_batches_are_offered_upstream_where_that_is_wanted() -> None:
    offer = offer_of("chat, news")
    assert upstream_protocols(offer, "batch.v1") == b"chat+batch.v1, chat, news+batch.v1, news"
    assert agree(offer, b"news+batch.v1", "batch.v1") == Agreed(b"news", None, None, "batch.v1")
    assert agree(offer, b"news", "batch.v1") == Agreed(b"news", None, None, None)
    bare = offer_of(None)
    assert upstream_protocols(bare, "batch.v1") == b"batch.v1"
    assert agree(bare, b"batch.v1", "batch.v1") == Agreed(None, None, None, "batch.v1")
    assert agree(bare, None, "batch.v1") == Agreed(None, None, None, None)


@pytest.mark.parametrize("chosen", [b"other", b"chat+batch.v1", b"batch.v1", b"CHAT"])
def test_what_nobody_offered_cannot_be_chosen(chosen: bytes) -> None:
    assert agree(offer_of("chat, chat+batch.v1"), chosen, None) is None


@pytest.mark.parametrize("protocols", ["a,,b", "a b", "a;b", ",".join(f"p{at}" for at in range(65))])
def test_an_offer_that_makes_no_sense_is_refused(protocols: str) -> None:
    with pytest.raises(OfferError):
        offer_of(protocols)


def test_the_query_parameter_is_taken_out_of_the_target() -> None:
    assert without_parameter(b"/s?a=1&batch=v1&b", "batch") == b"/s?a=1&b"
    assert without_parameter(b"/s?batch=v1", "batch") == b"/s"
    assert without_parameter(b"/s?a=1", "batch") == b"/s?a=1"
    assert without_parameter(b"/s", "batch") == b"/s"
