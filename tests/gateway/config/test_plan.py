import dataclasses

import pytest

from gateway.config.plan import PluginUse, RoutePlan
from gateway.config.routes import MatchSettings
from gateway.config.upstreams import TimeoutSettings
from tests.gateway.config.standins import PaintSettings


def test_plans_are_values() -> None:
    def plan() -> RoutePlan:
        use = PluginUse("paint", PaintSettings())
        return RoutePlan("default", MatchSettings(), "app", (use,), TimeoutSettings())

    assert plan() == plan()
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan().name = "other"  # type: ignore[misc]  # what the test is about
