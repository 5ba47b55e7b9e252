"""Content that knows where it stands."""

import zlib

import pytest

from loadtests.coalescing.content import BLOCK, block, checksum, octets


def test_no_two_blocks_are_alike() -> None:
    assert len({block(number) for number in range(300)}) == 300
    assert {len(block(number)) for number in range(3)} == {BLOCK}


@pytest.mark.parametrize("offset", [0, 1, BLOCK - 1, BLOCK, BLOCK + 7, 2 * BLOCK + 99, 2 * BLOCK + 100])
def test_the_rest_is_the_end_of_the_whole(offset: int) -> None:
    size = 2 * BLOCK + 100
    whole = b"".join(octets(size))
    assert len(whole) == size
    assert b"".join(octets(size, offset)) == whole[offset:]


def test_its_checksum_is_that_of_its_octets() -> None:
    assert checksum(100_000) == zlib.crc32(b"".join(octets(100_000)))
