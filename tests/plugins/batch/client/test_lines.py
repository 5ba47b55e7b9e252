from plugins.batch.client.lines import LineSource


def test_a_slow_client_is_seen_and_its_return_told() -> None:
    told: list[str] = []
    source = LineSource(lambda: "waiter", lambda: told.append("more"), lambda: told.append("left"))
    assert not source.paused
    source.pause()
    assert (source.paused, told) == (True, [])
    source.resume()
    assert (source.paused, told) == (False, ["more"])
    assert source.waiter() == "waiter"


def test_a_client_that_leaves_holds_nobody_up() -> None:
    told: list[str] = []
    source = LineSource(lambda: None, lambda: told.append("more"), lambda: told.append("left"))
    source.pause()
    source.cancel()
    assert (source.paused, told) == (False, ["left", "more"])
