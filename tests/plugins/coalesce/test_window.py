from hashlib import blake2b

import pytest

from plugins.coalesce.window import PIECE_OVERHEAD, Window

PIECES = [b"abc", b"d", b"efgh", b"ij"]
WHOLE = b"".join(PIECES)


def filled(offset: int = 0) -> Window:
    window = Window(offset)
    for piece in PIECES:
        window.push(piece)
    return window


def test_pieces_keep_their_numbers_when_those_in_front_go() -> None:
    window = filled()
    window.drop(2)
    assert (window.first, window.end, window.offset) == (2, 4, 4)
    assert window[2] == b"efgh"
    assert window.octets == 6 + 2 * PIECE_OVERHEAD
    window.drop(1)
    assert window.first == 2
    window.drop(4)
    assert (window.octets, window.offset) == (0, len(WHOLE))


@pytest.mark.parametrize("offset", range(len(WHOLE) + 1))
def test_a_reader_goes_on_where_it_stopped(offset: int) -> None:
    window = filled()
    number, skip = window.find(offset)
    rest = b"".join(PIECES[number:])
    assert rest[skip:] == WHOLE[offset:]


def test_a_reader_that_is_ahead_leaves_out_what_is_still_to_come() -> None:
    assert filled().find(len(WHOLE) + 7) == (4, 7)
    assert filled(100).find(104) == (2, 0)


def test_what_went_is_known_by_its_digest() -> None:
    window = Window()
    window.digest = blake2b(digest_size=20)
    for piece in PIECES:
        window.push(piece)
    window.drop(1)
    for offset in range(3, len(WHOLE)):
        number, skip = window.find(offset)
        assert window.digest_at(number, skip) == blake2b(WHOLE[:offset], digest_size=20).digest()
    assert window.digest_at(1, 0) == blake2b(WHOLE[:3], digest_size=20).digest(), "asking changes nothing"


def test_without_a_digest_there_is_none() -> None:
    assert filled().digest_at(1, 1) is None


def test_a_piece_that_nobody_needs_has_its_number_all_the_same() -> None:
    window = filled()
    window.drop(window.end)
    window.pass_by(5)
    assert (window.first, window.end, window.offset, window.octets) == (5, 5, len(WHOLE) + 5, 0)
    window.push(b"x")
    assert window[5] == b"x"
    assert window.find(len(WHOLE) + 5) == (5, 0)
