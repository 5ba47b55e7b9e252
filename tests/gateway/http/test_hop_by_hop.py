import pytest

from gateway.http.hop_by_hop import FRAMING, HOP_BY_HOP, NEVER_NOMINATED, NOT_IN_TRAILERS, list_members


def test_names_are_written_in_lower_case_as_look_ups_want_them() -> None:
    for names in (FRAMING, HOP_BY_HOP, NEVER_NOMINATED, NOT_IN_TRAILERS):
        assert all(name == name.lower() for name in names)


@pytest.mark.parametrize(
    "name", [b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"]
)
def test_fields_of_the_connection_stop_here(name: bytes) -> None:
    assert name in HOP_BY_HOP


def test_what_frames_or_routes_a_message_cannot_be_nominated_away() -> None:
    assert {b"host", b"content-length", b"transfer-encoding"} <= NEVER_NOMINATED


def test_no_trailer_can_frame_route_or_authenticate() -> None:
    never = FRAMING | HOP_BY_HOP | {b"host", b"authorization", b"cookie", b"set-cookie", b"trailer"}
    assert never <= NOT_IN_TRAILERS


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"", []),
        (b"close", [b"close"]),
        (b"Keep-Alive, X-Secret", [b"keep-alive", b"x-secret"]),
        (b" ,\t, a ,,b\t", [b"a", b"b"]),
    ],
)
def test_list_members_are_lower_case_without_empty_ones(value: bytes, members: list[bytes]) -> None:
    assert list_members(value) == members
