import pytest

from plugins.websocket_batch.marks import Marks
from plugins.websocket_batch.pointers import Pointer


def marks(field: str | None = None, prefixes: dict[str, int] | None = None, keys: tuple[str, ...] = ()) -> Marks:
    return Marks(
        Pointer(field) if field else None,
        [(prefix.encode(), priority) for prefix, priority in (prefixes or {}).items()],
        [Pointer(key) for key in keys],
    )


def test_where_nothing_is_asked_for_nothing_is_read() -> None:
    assert marks().reader is None
    assert marks("/p").reader is not None


@pytest.mark.parametrize(
    ("payload", "priority"),
    [
        (b'{"p":7}', 7),
        (b'{"p":0}', 0),
        (b'{"p":15}', 15),
        (b'{"p":16}', 0),
        (b'{"p":-1}', 0),
        (b'{"p":"7"}', 0),
        (b'{"p":7.0}', 0),
        (b'{"p":true}', 0),
        (b'{"p":null}', 0),
        (b'{"q":{"p":7}}', 0),
        (b'["p",7]', 0),
        (b'{"p":7', 0),
        (b"p", 0),
    ],
)
def test_a_field_says_how_urgent_a_message_is(payload: bytes, priority: int) -> None:
    assert marks("/p").read(1, payload) == (priority, None)


def test_binary_messages_are_not_read_as_json() -> None:
    assert marks("/p").read(2, b'{"p":7}') == (0, None)


def test_a_prefix_says_it_as_well_and_the_first_that_fits_counts() -> None:
    read = marks(prefixes={"!!": 9, "!": 4}).read
    assert [read(1, each)[0] for each in (b"!!x", b"!x", b"x!")] == [9, 4, 0]
    assert read(2, b"!x")[0] == 4


def test_what_the_sender_said_beside_the_message_counts_unless_the_message_says_more() -> None:
    read = marks("/p").read
    assert read(1 | 5 << 4, b'{"p":3}')[0] == 5
    assert read(1 | 5 << 4, b'{"p":8}')[0] == 8


def test_messages_about_the_same_have_the_same_key() -> None:
    read = marks(keys=("/symbol", "/id")).read
    first, second = read(1, b'{"symbol":"A","price":1}')[1], read(1, b'{"price":2,"symbol":"A"}')[1]
    assert first == second
    assert first is not None
    assert read(1, b'{"symbol":"B"}')[1] != first
    assert read(1, b'{"id":"A"}')[1] not in (None, first)
    assert read(1, b'{"symbol":1}')[1] != read(1, b'{"symbol":"1"}')[1]
    assert read(1, b'{"symbol":1}')[1] != read(1, b'{"symbol":true}')[1]


@pytest.mark.parametrize(
    "payload", [b'{"symbol":null}', b'{"symbol":[1]}', b'{"symbol":{}}', b'{"other":1}', b"symbol"]
)
def test_others_replace_nothing(payload: bytes) -> None:
    assert marks(keys=("/symbol",)).read(1, payload)[1] is None
