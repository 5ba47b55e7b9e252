from collections import Counter
from itertools import islice
from random import Random

import orjson
import pytest

from gateway.demo import shop
from gateway.demo.traffic import DIRECT_SHARE, VISITORS, WEIGHTS, Visit, pause, visits


def drawn(count: int = 20_000) -> list[Visit]:
    return list(islice(visits(Random(1)), count))


def test_visits_come_in_the_proportions_of_the_mix() -> None:
    counts = Counter(visit.kind for visit in drawn())
    assert counts.keys() == WEIGHTS.keys()
    assert sum(WEIGHTS.values()) == 1000
    for kind, weight in WEIGHTS.items():
        assert counts[kind] / 20 == pytest.approx(weight, rel=0.35)


def test_every_tenth_visit_goes_straight_to_the_origin_whatever_it_asks_for() -> None:
    direct = [visit for visit in drawn() if visit.direct]
    assert len(direct) / 20_000 == pytest.approx(DIRECT_SHARE, rel=0.1)
    assert {visit.kind for visit in direct} == WEIGHTS.keys()


def test_products_asked_for_exist_and_some_are_asked_for_more_than_others() -> None:
    targets = Counter(visit.target for visit in drawn() if visit.kind == "product")
    numbers = {int(target.rpartition("/")[2]) for target in targets}
    assert numbers <= set(range(1, shop.PRODUCTS + 1))
    assert targets["/api/products/1"] > 10 * targets["/api/products/20"]


def test_only_orders_have_content_and_it_is_json() -> None:
    for visit in drawn(2000):
        assert (visit.content is not None) == (visit.kind == "orders") == (visit.method == "POST")
        if visit.content is not None:
            assert orjson.loads(visit.content).keys() == {"product", "quantity"}


def test_carts_belong_to_a_bounded_number_of_visitors() -> None:
    assert len({visit.fields for visit in drawn() if visit.kind == "cart"}) == VISITORS


def test_some_visits_show_a_validator() -> None:
    assert {visit.kind for visit in drawn() if visit.conditional} == {"product", "products"}


def test_pauses_make_the_rate_on_average() -> None:
    random = Random(1)
    assert sum(pause(random, rate=100.0) for _ in range(10_000)) == pytest.approx(100.0, rel=0.05)
