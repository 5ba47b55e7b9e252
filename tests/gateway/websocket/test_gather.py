import asyncio

from gateway.websocket.gather import Gathering, Pace
from tests.support.framed import until
from tests.support.transports import FakeTransport


class Story:
    """A writer, and the source of what it writes."""

    def __init__(self, gathering: Gathering | None = None) -> None:
        self.transport: asyncio.Transport = FakeTransport()
        self.writes = 0
        self.pace = Pace(self, self, gathering or Gathering(asyncio.get_running_loop(), 0.001))

    def flush(self) -> None:
        self.writes += 1

    def read_on(self) -> None:
        assert not self.pace.is_unread
        self.transport.resume_reading()


async def test_what_comes_alone_is_written_at_once_and_its_source_read_on() -> None:
    story = Story()
    for _ in range(3):
        story.pace.came(is_quick=False)
    assert story.writes == 3
    assert story.transport.is_reading()


async def test_what_comes_right_behind_waits_for_what_has_come_meanwhile() -> None:
    story = Story()
    story.pace.came(is_quick=False)
    story.pace.came(is_quick=True)
    assert story.writes == 1
    assert not story.transport.is_reading()
    await until(story.transport.is_reading)
    assert story.writes == 1
    story.pace.came(is_quick=False)  # the rest, in one read
    assert story.writes == 2


async def test_after_a_burst_the_first_of_the_next_one_waits_as_well() -> None:
    story = Story()
    story.pace.came(is_quick=True)
    await until(story.transport.is_reading)
    story.pace.came(is_quick=False)
    assert story.writes == 1
    story.pace.came(is_quick=False)
    assert story.writes == 1
    assert story.pace.is_unread
    await until(lambda: story.writes == 2)


async def test_one_that_waited_in_vain_ends_the_burst() -> None:
    story = Story()
    story.pace.came(is_quick=True)
    await until(lambda: story.writes == 1)
    story.pace.came(is_quick=False)
    assert story.writes == 2
    assert story.transport.is_reading()


async def test_a_source_that_is_closing_brings_nothing_more_to_wait_for() -> None:
    story = Story()
    story.transport.close()
    story.pace.came(is_quick=True)
    assert story.writes == 1


async def test_one_timer_serves_all() -> None:
    gathering = Gathering(asyncio.get_running_loop(), 0.001)
    stories = [Story(gathering) for _ in range(3)]
    for story in stories:
        story.pace.came(is_quick=True)
    await until(lambda: [story.writes for story in stories] == [1, 1, 1])
