import pytest

from gateway.api import Fields, Monotonic
from plugins.batch.client.items import Item
from plugins.batch.client.request import Inheritance, is_item, wants_lines
from plugins.batch.settings import ClientSettings
from tests.support.plugins import fields_of, make_request, pairs

BATCH = {
    "Host": "shop.example", "Content-Type": "application/json", "Accept": "application/json", "Cookie": "sid=1",
    "Authorization": "Bearer a", "Origin": "https://app.example", "Sec-Fetch-Site": "same-site", "X-Secret": "no",
    "X-Forwarded-For": "198.51.100.1", "If-None-Match": '"a"', "Accept-Encoding": "gzip",
}  # fmt: skip


def item(fields: Fields | None = None) -> Item:
    return Item("x", "PUT", b"/a?b", fields or Fields(), b"content")


def test_an_item_is_a_request_of_its_batchs_client() -> None:
    batch = make_request("POST", "/batch", BATCH, trusted=True, scheme="https")
    batch.client = "198.51.100.1"
    inheritance = Inheritance(ClientSettings().inherit)
    request = inheritance.request(item(), batch, inheritance.of(batch), Monotonic(5.0), Monotonic(35.0))
    assert (request.method, request.target, request.body) == ("PUT", b"/a?b", b"content")
    assert (request.authority, request.client, request.scheme) == (b"shop.example", "198.51.100.1", "https")
    assert request.downstream is batch.downstream
    assert (request.started, request.deadline) == (5.0, 35.0)
    assert [name for name, _ in pairs(request.fields)] == [
        "Host", "Cookie", "Authorization", "Origin", "Sec-Fetch-Site", "X-Forwarded-For",
    ]  # fmt: skip


def test_what_an_item_says_itself_counts() -> None:
    batch = make_request("POST", "/batch", BATCH)
    inheritance = Inheritance(["Authorization"])
    inherited = inheritance.of(batch)
    own = fields_of({"authorization": "Bearer b", "Accept": "text/html"})
    one = inheritance.request(item(own), batch, inherited, Monotonic(0), Monotonic(1))
    other = inheritance.request(item(), batch, inherited, Monotonic(0), Monotonic(1))
    assert (one.fields.get(b"authorization"), one.fields.get(b"accept")) == (b"Bearer b", b"text/html")
    assert (other.fields.get(b"authorization"), other.fields.get(b"cookie")) == (b"Bearer a", None)


def test_an_earlier_deadline_of_the_batch_counts() -> None:
    batch = make_request("POST", "/batch", BATCH)
    batch.deadline = Monotonic(3.0)
    assert Inheritance(()).request(item(), batch, Fields(), Monotonic(0), Monotonic(9)).deadline == 3.0


def test_an_item_is_known_as_one() -> None:
    batch = make_request("POST", "/batch", BATCH)
    assert not is_item(batch)
    assert is_item(Inheritance(()).request(item(), batch, Fields(), Monotonic(0), Monotonic(9)))


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        (None, False),
        ("application/json", False),
        ("*/*", False),
        ("application/x-ndjson", True),
        ("application/json;q=0.5, Application/JSONL ; q=0.9", True),
        ("application/x-ndjson;q=0", False),
        ("application/x-ndjson; q=0.0, application/json", False),
    ],
)
def test_who_wants_lines(accept: str | None, wants: bool) -> None:
    assert wants_lines(make_request("POST", "/batch", {} if accept is None else {"Accept": accept})) is wants
