from loadtests.resilience.crowd import Told, ask_at, ask_at_once
from loadtests.resilience.origin import Mood, MoodyOrigin


def test_what_a_crowd_heard_in_figures() -> None:
    told = Told()
    told.statuses.update([200, 200, 200, 503])
    told.times += [0.1, 0.2, 0.3, 0.4]
    assert told.requests == 4
    assert told.share(200) == 0.75
    assert (told.percentile(0.5), told.percentile(0.99)) == (0.3, 0.4)
    assert Told().percentile(0.5) == 0.0


async def test_a_crowd_asks_and_the_origin_counts_whatever_its_mood() -> None:
    origin = MoodyOrigin()
    await origin.open()
    told = await ask_at_once(origin.port, "/", 20)
    assert (told.statuses, origin.calls) == ({200: 20}, 20)
    origin.mood = Mood(status=b"503 Service Unavailable", seconds=0.001)
    told = await ask_at(origin.port, "/", rate=100, seconds=0.2)
    assert set(told.statuses) == {503}
    assert origin.calls == 20 + told.requests
    origin.mood = Mood(resets=True)
    assert set((await ask_at_once(origin.port, "/", 3)).statuses) == {0}
    origin.close()


async def test_slow_answers_are_as_many_as_the_mood_says() -> None:
    origin = MoodyOrigin()
    await origin.open()
    origin.mood = Mood(slow_share=1.0, slow_seconds=0.001)
    assert (await ask_at_once(origin.port, "/cacheable", 5)).statuses == {200: 5}
    origin.close()
