from collections.abc import Sequence

from gateway.redis.channels import Channels


def test_one_command_for_each_channel_and_each_hears_all() -> None:
    channels = Channels()
    one: list[bytes] = []
    two: list[bytes] = []
    assert channels.listen(b"c", one.append) == ("SUBSCRIBE", b"c")
    assert channels.listen(b"c", two.append) is None
    channels.hear([b"message", b"c", b"hello"])
    channels.hear([b"message", b"d", b"for others"])
    assert one == two == [b"hello"]
    assert channels.unlisten(b"c", one.append) is None
    assert channels.unlisten(b"c", two.append) == ("UNSUBSCRIBE", b"c")
    assert channels.unlisten(b"c", two.append) is None


def test_a_new_connection_listens_to_all_that_is_wanted() -> None:
    channels = Channels()
    channels.listen(b"c", print)
    channels.track(b"p:", print)
    assert channels.subscriptions() == [("SUBSCRIBE", b"c")]
    (command,) = channels.tracking()
    assert command[:4] == ("CLIENT", "TRACKING", "ON", "BCAST")
    assert b"p:" in command


def test_changes_reach_those_who_want_to_know_of_their_prefix() -> None:
    channels = Channels()
    heard: list[Sequence[bytes] | None] = []
    assert channels.track(b"p:", heard.append) is not None
    assert channels.track(b"p:", heard.append) is None
    channels.hear([b"invalidate", [b"p:1", b"q:1"]])
    channels.hear([b"invalidate", [b"q:1"]])
    channels.hear([b"invalidate", None])
    assert heard == [[b"p:1"], [b"p:1"], None, None]
    channels.untrack(b"p:", heard.append)
    channels.untrack(b"p:", heard.append)
    channels.hear([b"invalidate", [b"p:1"]])
    assert len(heard) == 4


def test_one_that_fails_keeps_nobody_else_from_hearing() -> None:
    channels = Channels()
    heard: list[bytes] = []

    def fail(octets: bytes) -> None:
        raise ValueError("no")

    channels.listen(b"c", fail)
    channels.listen(b"c", heard.append)
    channels.hear([b"message", b"c", b"hello"])
    assert heard == [b"hello"]


def test_what_is_not_known_is_not_heard() -> None:
    channels = Channels()
    channels.hear([])
    channels.hear([b"pong", b""])
