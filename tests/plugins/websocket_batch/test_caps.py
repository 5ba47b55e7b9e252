from plugins.websocket_batch.caps import Caps


def test_places_are_counted_in_all_and_for_each_client() -> None:
    caps = Caps()
    assert caps.admit("a", 3, 2) is None
    assert caps.admit("a", 3, 2) is None
    assert caps.admit("a", 3, 2) == "connections_per_client"
    assert caps.admit("b", 3, 2) is None
    assert caps.admit("c", 3, 2) == "connections"
    assert caps.total == 3


def test_a_place_that_was_given_back_is_free_and_its_client_forgotten() -> None:
    caps = Caps()
    caps.admit("a", 1, 1)
    caps.leave("a")
    assert caps.total == 0
    assert caps._by_client == {}
    assert caps.admit("b", 1, 1) is None


def test_without_limits_everybody_comes_in() -> None:
    caps = Caps()
    assert {caps.admit("a", None, None) for _ in range(100)} == {None}
