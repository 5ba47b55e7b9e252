from collections.abc import Mapping

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests.websocket import SHAPES, _configuration
from loadtests.websocket_batches import OPT_IN, SCENES, STRATEGIES, URGENCY, Outcome, Scene, compare
from plugins.websocket_batch.outbox import Strategy

SINGLE = Outcome(10.0, 1.0, 0.001, 0.005)


async def measured(batched: Outcome) -> tuple[bool, list[str]]:
    """What is said when batches cost so much."""

    async def run(scene: Scene, settings: Mapping[str, object], more: str) -> Outcome:
        assert scene in (SCENES["ten"], URGENCY)
        return batched if more else SINGLE

    told: list[str] = []
    return await compare(run, ["ten"], ["hybrid", "time"], told.append), told


async def test_every_way_is_measured_and_compared_with_a_write_each() -> None:
    good, told = await measured(Outcome(2.0, 0.1, 0.05, 0.09, 0.004, 7))
    assert good
    text = "\n".join(told)
    assert text.count("90.0% fewer writes (at least 70%), 5.0 times as many messages a CPU second") == 2
    assert text.count("5 is the aim: reached") == 2
    assert "urgent p99 4.0 ms of 7 messages" in text
    assert "MISSED" not in text


async def test_below_the_aim_is_told_and_no_failure() -> None:
    good, told = await measured(Outcome(2.5, 0.1, 0.05, 0.09, 0.004, 7))
    assert good
    assert sum("5 is the aim: not reached" in line for line in told) == 2


@pytest.mark.parametrize(
    "batched",
    [
        Outcome(2.0, 0.4, 0.05, 0.09, 0.004, 7),
        Outcome(2.0, 0.1, 0.05, 0.11, 0.004, 7),
        Outcome(2.0, 0.1, 0.05, 0.09, 0.011, 7),
    ],
    ids=["writes", "delay", "urgent"],
)
async def test_too_many_writes_and_what_comes_too_late_fail(batched: Outcome) -> None:
    good, _ = await measured(batched)
    assert not good


@pytest.mark.parametrize("scene", [*SCENES.values(), URGENCY], ids=lambda scene: str(scene.title))
def test_each_scene_is_one_that_origin_and_gateway_take(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert scene.writes in SHAPES
    for strategy in STRATEGIES:
        settings = {**scene.settings, "strategy": strategy}
        text = _configuration("slipstream", 1, 2, 3, tmp_path_factory.getbasetemp(), settings, "5s")
        load_text(text, settings_of)


def test_all_strategies_there_are() -> None:
    assert set(STRATEGIES) == {each.value for each in Strategy}
    assert OPT_IN.endswith("\r\n")
