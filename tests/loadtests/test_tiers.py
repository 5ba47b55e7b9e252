from pathlib import Path

from loadtests.tiers import per_call, stored
from plugins.cache.codec import decode, encode


def test_what_is_measured_is_a_response_that_can_be_read_again(tmp_path: Path) -> None:
    made = stored(7, 1024)
    assert decode(encode(made, 0.0) + made.body, 0.0).key == b"http://shop.example/7"


def test_every_call_is_made() -> None:
    seen: list[int] = []
    assert per_call(seen.append, 10) >= 0
    assert seen == list(range(10))
