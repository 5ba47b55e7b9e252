import pytest

from plugins.websocket_batch.pointers import Pointer, read


def test_a_pointer_finds_values_at_any_depth() -> None:
    document = {"symbol": "A", "data": {"a/b": {"c~d": 5}}, "list": [1]}
    assert Pointer("/symbol").find(document) == "A"
    assert Pointer("/data/a~1b/c~0d").find(document) == 5
    assert Pointer("/nothing").find(document) is None
    assert Pointer("/symbol/more").find(document) is None
    assert Pointer("/list/0").find(document) is None
    assert Pointer("/symbol").find(None) is None


@pytest.mark.parametrize("text", ["", "symbol", "/", "#/symbol"])
def test_what_is_no_pointer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a pointer"):
        Pointer(text)


def test_messages_that_cannot_have_it_are_not_read() -> None:
    pointer = Pointer("/data/symbol")
    assert pointer.may_be_in(b' {"data":{"symbol":1}}')
    assert not pointer.may_be_in(b'{"data":{"name":1}}')
    assert not pointer.may_be_in(b"symbol")


def test_what_is_no_json_has_no_values() -> None:
    assert read(b"{") is None
    assert read(b'{"a":1}') == {"a": 1}
