from typing import Any

import pytest

from gateway.config.settings import SweepSettings
from gateway.config.sweeps import Order
from gateway.supervisor.question import QuestionError
from gateway.supervisor.sweep_order import AD_HOC, read_order

KNOWN = {
    "nightly": SweepSettings.model_validate(
        {"schedule": "0 4 * * *", "tags": ["shop"], "rate": 7.0, "within": "8h", "order": "uses", "patience": "1m"}
    )
}


def test_a_sweep_may_be_one_of_its_own() -> None:
    order = read_order({"tags": ["a"], "within": "10m"}, KNOWN)
    assert (order.name, order.trigger, order.settings.tags, order.settings.within) == (AD_HOC, "api", ("a",), 600.0)


def test_or_one_of_the_configuration_with_changes() -> None:
    order = read_order({"name": "nightly", "rate": 50, "time_limit": "5m"}, KNOWN)
    assert (order.name, order.trigger) == ("nightly", "api")
    settings = order.settings
    assert (settings.tags, settings.order, settings.within, settings.patience) == (("shop",), Order.USES, 28_800, 60)
    assert (settings.rate, settings.time_limit) == (50, 300)


def test_what_the_configuration_says_can_be_switched_off() -> None:
    assert read_order({"name": "nightly", "within": "off"}, KNOWN).settings.within is None


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "JSON object"),
        ({"name": "weekly"}, "nightly"),
        ({"name": 7}, "nightly"),
        ({"schedule": "0 4 * * *"}, "begins at once"),
        ({"time_zone": "UTC"}, "begins at once"),
        ({"rate": "fast"}, "rate"),
        ({"within": "soon"}, "within"),
        ({"tag": "a"}, "tag"),
    ],
)
def test_what_makes_no_sense_is_explained(document: Any, words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        read_order(document, KNOWN)
