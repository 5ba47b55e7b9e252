import asyncio

import pytest

from loadtests.flooding.runs import MOST_MIB, Flood, attackers, half_open, percentile
from tests.support.loopback import listening

WELL = Flood("pings", {"1008": 3}, "1008", 1.0, [0.001, 0.002, 0.1])


def test_a_flood_that_ended_as_it_should_is_well() -> None:
    assert WELL.is_well
    assert WELL.row() == ("pings", "1008 × 3", "1008", "1.0", "2.0", "100.0")


@pytest.mark.parametrize(
    "flood",
    [
        Flood("a", {"1008": 3, "None": 1}, "1008", 1.0, [0.1]),
        Flood("a", {"1008": 3}, "1009", 1.0, [0.1]),
        Flood("a", {"1008": 3}, "1008", MOST_MIB + 1, [0.1]),
        Flood("a", {"1008": 3}, "1008", 1.0, []),
        Flood("a", {}, "1008", 1.0, [0.1]),
    ],
)
def test_another_one_is_not(flood: Flood) -> None:
    assert not flood.is_well


def test_percentiles_are_values_that_were_seen() -> None:
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 2.0, 3.0]
    assert percentile([], 0.5) == 0.0


async def test_half_open_connections_are_counted_by_what_became_of_them() -> None:
    gone = iter([True, False, False])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        if not next(gone):
            await reader.read()

    async with listening(serve) as port:
        assert await half_open(port, 3, "GET", 0.2) == {"gone": 1, "open": 2}


async def test_attackers_are_a_process_that_ends_with_the_block() -> None:
    async with attackers(1) as crowd:
        process = crowd._process
        assert process.returncode is None
    assert process.returncode is not None
