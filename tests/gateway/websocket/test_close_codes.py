import pytest

from gateway.websocket.close_codes import WebSocketError, close_payload, is_sendable, read_close


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_codes_that_may_be_sent_are_read(code: int) -> None:
    assert is_sendable(code)
    assert read_close(close_payload(code, "why")) == (code, b"why")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_codes_that_must_not_be_sent_are_1002(code: int) -> None:
    assert not is_sendable(code)
    with pytest.raises(WebSocketError) as refused:
        read_close(close_payload(code))
    assert refused.value.code == 1002


def test_a_close_frame_may_be_empty_but_not_of_one_octet() -> None:
    assert read_close(b"") == (None, b"")
    with pytest.raises(WebSocketError) as refused:
        read_close(b"\x03")
    assert refused.value.code == 1002


def test_a_reason_is_text() -> None:
    with pytest.raises(WebSocketError) as refused:
        read_close(b"\x03\xe8\xff")
    assert refused.value.code == 1007


def test_a_reason_that_is_too_long_is_cut_between_characters() -> None:
    payload = close_payload(1000, "é" * 100)
    assert len(payload) == 2 + 122
    assert payload[2:].decode() == "é" * 61


def test_without_a_code_there_is_no_reason_either() -> None:
    assert close_payload(None, "lost") == b""
