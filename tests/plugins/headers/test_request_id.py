import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.headers.request_id import RequestIdReason, choose, is_well_formed


def new() -> bytes:
    return b"new"


@pytest.mark.parametrize(
    "value", [b"1", b"550e8400-e29b-41d4-a716-446655440000", b"Root=1-67891233-abcdef012345678912345678", b"x" * 128]
)
def test_ids_that_others_make_are_well_formed(value: bytes) -> None:
    assert is_well_formed(value)


@pytest.mark.parametrize(
    "value", [b"", b"x" * 129, b"a b", b"a,b", b'a"b', b"a\\b", b"a\x1b[31m", b"a\n", b"\xe4", b"${jndi:x}", b"<b>"]
)
def test_what_could_disturb_a_log_is_not(value: bytes) -> None:
    assert not is_well_formed(value)


@pytest.mark.parametrize(
    ("brought", "may_bring", "outcome"),
    [
        (b"theirs", True, (b"theirs", RequestIdReason.KEPT)),
        (b"theirs", False, (b"new", RequestIdReason.UNTRUSTED)),
        (b"a b", True, (b"new", RequestIdReason.MALFORMED)),
        (None, True, (b"new", RequestIdReason.NEW)),
        (None, False, (b"new", RequestIdReason.NEW)),
    ],
)
def test_an_id_is_kept_only_from_those_who_may_bring_one(
    brought: bytes | None, may_bring: bool, outcome: tuple[bytes, RequestIdReason]
) -> None:
    assert choose(brought, may_bring, new) == outcome


@given(st.binary(max_size=140))
def test_whatever_comes_the_id_is_well_formed(brought: bytes) -> None:
    assert is_well_formed(choose(brought, True, new)[0])
