import asyncio
from collections import Counter
from contextlib import suppress

from aiohttp.test_utils import TestServer

from gateway.demo.client import Client
from gateway.demo.origin import Shop
from gateway.demo.reports import BROKEN, Report, Sample


async def gathered(gateway: str, origin: str, enough: int, messages: int = 0, prices: int = 0) -> list[Report]:
    """Reports of a client in a hurry, until there are `enough` visits, messages and prices."""
    reports: list[Report] = []
    done = asyncio.Event()

    def tell(report: Report) -> None:
        reports.append(report)
        told = sum(len(r.samples) for r in reports), sum(r.messages for r in reports)
        single, batched = (sum(len(getattr(r.prices, name)) for r in reports) for name in ("single", "batched"))
        if told[0] >= enough and told[1] >= messages and min(single, batched) >= prices:
            done.set()

    running = asyncio.ensure_future(Client(gateway, origin, 1000.0, tell).run())
    try:
        await asyncio.wait_for(done.wait(), 60)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    return reports


def samples_of(reports: list[Report]) -> list[Sample]:
    return [sample for report in reports for sample in report.samples]


async def test_visits_and_messages_are_reported_with_how_they_went() -> None:
    async with TestServer(Shop().application()) as server:
        address = f"http://{server.host}:{server.port}"
        reports = await gathered(address, address, enough=400, messages=5, prices=10)
    samples = samples_of(reports)
    statuses = Counter(sample.status for sample in samples)
    assert statuses[200] > statuses[201] > 0
    assert statuses[304] > 0  # validators are shown
    assert all(sample.seconds > 0 for sample in samples)
    assert all(sample.octets > 0 for sample in samples if sample.status == 200)


async def test_a_tenth_of_the_visits_goes_to_the_origin_itself() -> None:
    async with TestServer(Shop().application()) as server:
        # Nobody listens where the gateway should be.
        reports = await gathered("http://127.0.0.1:1", f"http://{server.host}:{server.port}", enough=300)
    samples = samples_of(reports)
    assert {sample.direct for sample in samples if sample.status == BROKEN} == {False}
    assert {sample.direct for sample in samples if sample.status != BROKEN} == {True}
