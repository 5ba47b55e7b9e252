import pytest

from loadtests.faulting.clients import Crowd, Told, percentile, success
from loadtests.faulting.origin import Fault, FaultyOrigin


def told(seconds: float, status: int = 200) -> Told:
    return Told(0.0, seconds, status, "", False)


def test_shares_and_percentiles_of_what_was_told() -> None:
    answers = [told(number / 100, 200 if number else 0) for number in range(100)]
    assert success(answers) == 0.99
    assert percentile(answers, 0.99) == pytest.approx(0.99)
    assert (success([]), percentile([], 0.99)) == (1.0, 0.0)


async def test_everybody_who_asked_is_told_something() -> None:
    with FaultyOrigin("one") as origin:
        crowd = Crowd(origin.port, ["/a", "/b"], rate=200)
        crowd.start()
        assert await crowd.until(lambda: origin.answers >= 5, 20) is not None
        origin.behave(Fault.ERROR)
        failed = len(crowd.told)
        assert await crowd.until(lambda: len(crowd.told) > failed + 5, 20) is not None
        origin.behave(Fault.REFUSE)
        assert await crowd.until(lambda: any(each.status == 0 for each in crowd.told), 20) is not None
        answers = await crowd.stop()
    assert {each.status for each in answers} == {200, 503, 0}
    assert {each.by for each in answers if each.is_good} == {"one"}


async def test_what_does_not_hold_in_time_is_none() -> None:
    assert await Crowd(1, ["/"], rate=1).until(lambda: False, 0.0) is None
