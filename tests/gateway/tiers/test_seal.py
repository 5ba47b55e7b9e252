import pytest

from gateway.tiers.seal import Seal, SealError

SECRET = "s" * 32


def test_what_was_sealed_can_be_opened_with_the_same_secret_alone() -> None:
    sealed = Seal(b"one secret").close(b"content", b"around")
    assert b"content" not in sealed
    assert Seal(b"one secret").open(sealed, b"around") == b"content"
    with pytest.raises(SealError):
        Seal(b"another").open(sealed, b"around")


def test_what_stands_around_cannot_be_changed() -> None:
    seal = Seal(b"secret")
    with pytest.raises(SealError):
        seal.open(seal.close(b"content", b"here"), b"there")


@pytest.mark.parametrize("octets", [b"", b"short", b"x" * 40])
def test_octets_that_were_never_sealed_do_not_open(octets: bytes) -> None:
    with pytest.raises(SealError):
        Seal(b"secret").open(octets, b"")


def test_the_same_octets_are_never_sealed_in_the_same_way() -> None:
    seal = Seal(b"secret")
    assert seal.close(b"content", b"") != seal.close(b"content", b"")


def test_the_secret_comes_from_the_environment() -> None:
    sealed = Seal.from_environment("KEY", {"KEY": SECRET}).close(b"content", b"")
    assert Seal(SECRET.encode()).open(sealed, b"") == b"content"


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": "short"}])
def test_no_secret_or_a_short_one_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SealError, match="KEY must be set"):
        Seal.from_environment("KEY", environ)
