import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Request
from plugins.batch.common.reasons import MergeReason
from plugins.batch.merge.partition import Partitioner, differs, refuses_identity, why_not
from plugins.batch.merge.template import Asked, Template
from plugins.batch.settings import IGNORED
from tests.support.plugins import fields_of, make_request
from tests.support.streams import stream_of

USERS = Template("/users/{id}", "/users?ids={ids}", ",")
SEVEN = Asked("7", ())
partitioner = Partitioner(IGNORED)


def partition(asked: Asked = SEVEN, **how: object) -> object:
    return partitioner.of(make_request(**how), asked)  # type: ignore[arg-type]  # what a request takes


def test_requests_that_differ_in_the_id_alone_belong_together() -> None:
    fields = {"Authorization": "Bearer a", "Accept": "application/json"}
    assert partition(target="/users/7", fields=fields) == partition(Asked("8", ()), target="/users/8", fields=fields)


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "X-Tenant", "Accept", "Accept-Language", "Origin", "Cache-Control", "Host"]
)
def test_every_field_that_nobody_said_does_not_matter_keeps_apart(name: str) -> None:
    different = [partition(fields=fields) for fields in ({}, {name: "a"}, {name: "b"}, [(name, "a"), (name, "b")])]
    assert len(set(different)) == len(different)


@pytest.mark.parametrize(
    "name", ["User-Agent", "X-Request-Id", "traceparent", "Sec-CH-UA", "X-B3-TraceId", "X-Forwarded-For"]
)
def test_what_does_not_matter_does_not_keep_apart(name: str) -> None:
    assert partition(fields={name: "a"}) == partition(fields={name.lower(): "b"}) == partition()


def test_scheme_authority_query_trust_and_other_placeholders_keep_apart() -> None:
    different = [
        partition(),
        partition(scheme="https"),
        partition(authority="other.example"),
        partition(target="/users/7?a"),
        partition(target="/users/7?"),
        partition(trusted=True),
        partition(Asked("7", ("north",))),
    ]
    assert len(set(different)) == len(different)


def test_the_clients_address_keeps_apart_where_it_is_said_to_matter() -> None:
    one, other = make_request(peer="192.0.2.1"), make_request(peer="192.0.2.2")
    strict = Partitioner(IGNORED, client_address=True)
    assert partitioner.of(one, SEVEN) == partitioner.of(other, SEVEN)
    assert strict.of(one, SEVEN) != strict.of(other, SEVEN)
    assert strict.of(one, SEVEN) == strict.of(make_request(peer="192.0.2.1"), SEVEN)


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", "a", "Cookie"]), st.sampled_from(["x", "y", "x, y", "x;a", "a"])),
        max_size=4,
    )
)
def test_no_two_lists_of_fields_look_alike_by_how_they_are_joined(lines: list[tuple[str, str]]) -> None:
    as_sent = [(name.lower(), value) for name, value in lines]
    for other in ([], [("a", "x")], [("a", "x"), ("a", "y")], [("a", "x, y")], [("cookie", "x")]):
        assert (partition(fields=lines) == partition(fields=other)) is (as_sent == other)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (make_request(target="/users/7"), None),
        (make_request("HEAD", "/users/7"), MergeReason.METHOD),
        (make_request("POST", "/users/7"), MergeReason.METHOD),
        (make_request(target="/users/7", body=b"x"), MergeReason.CONTENT),
        (make_request(target="/users/7", body=stream_of(b"x")), MergeReason.CONTENT),
        (make_request(target="/users/7", fields={"If-None-Match": '"a"'}), MergeReason.CONDITION),
        (make_request(target="/users/7", fields={"Range": "bytes=0-"}), MergeReason.CONDITION),
        (make_request(target="/users/7", fields={"Accept-Encoding": "gzip, identity;q=0"}), MergeReason.CODING),
        (make_request(target="/users/7?lang=en"), None),
        (make_request(target="/users/7?IDS[]=9"), MergeReason.QUERY),
        (make_request(target="/users/7?a=1;%69ds=9"), MergeReason.QUERY),
    ],
)
def test_what_can_be_merged(request_: Request, reason: MergeReason | None) -> None:
    assert why_not(request_, USERS) is reason


def test_an_upgrade_is_not_merged() -> None:
    request = make_request(target="/users/7")
    request.upgrade = b"websocket"
    assert why_not(request, USERS) is MergeReason.CONTENT


@pytest.mark.parametrize(
    ("accepted", "refused"),
    [
        (None, False),
        ("gzip", False),
        ("gzip;q=0", False),
        ("identity;q=0", True),
        ("Identity ; Q=0.000", True),
        ("identity;q=0.1", False),
        ("gzip, *;q=0", True),
        ("gzip, *;q=0, identity", False),
        ("identity;q=0.5, *;q=0", False),
    ],
)
def test_who_does_not_take_content_without_a_coding(accepted: str | None, refused: bool) -> None:
    assert refuses_identity(fields_of({} if accepted is None else {"Accept-Encoding": accepted})) is refused


def test_vary_compares_what_it_names() -> None:
    one, other = fields_of({"A": "1", "B": "1", "Accept-Encoding": "br"}), fields_of({"A": "1", "B": "2"})
    assert not differs(None, one, other)
    assert not differs(b"A, accept-encoding, c", one, other)
    assert differs(b"a, B", one, other)
    assert differs(b"a, *", one, one)
