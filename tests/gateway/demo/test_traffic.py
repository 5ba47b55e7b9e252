from collections import Counter
from itertools import islice
from random import Random

import orjson
import pytest

from gateway.demo import shop
from gateway.demo.traffic import CODINGS, CROWD, CROWD_EVERY, DIRECT_SHARE, VISITORS, WEIGHTS, Visit, pause, visits


def drawn(count: int = 20_000) -> list[Visit]:
    return list(islice(visits(Random(1)), count))


def test_visits_come_in_the_proportions_of_the_mix() -> None:
    counts = Counter(visit.kind for visit in drawn())
    assert counts.keys() == WEIGHTS.keys() | {"slow"}
    assert sum(WEIGHTS.values()) == 1000
    for kind, weight in WEIGHTS.items():
        assert counts[kind] / 20 == pytest.approx(weight, rel=0.35)


def test_every_tenth_visit_goes_straight_to_the_origin_whatever_it_asks_for() -> None:
    direct = [visit for visit in drawn() if visit.direct]
    assert len(direct) / 20_000 == pytest.approx(DIRECT_SHARE, rel=0.1)
    assert {visit.kind for visit in direct} == WEIGHTS.keys()


def test_crowds_ask_the_gateway_for_the_same_slow_answer_one_right_after_the_other() -> None:
    drawn_visits = drawn()
    places = [place for place, visit in enumerate(drawn_visits) if visit.kind == "slow"]
    assert places[:CROWD] == list(range(CROWD_EVERY // 2, CROWD_EVERY // 2 + CROWD))
    assert len(places) % CROWD == 0
    assert len({drawn_visits[place] for place in places}) == 1
    assert not drawn_visits[places[0]].direct


def test_slow_visits_leave_the_99th_percentile_to_the_others() -> None:
    through = [visit for visit in drawn() if not visit.direct]
    assert 0 < sum(visit.kind == "slow" for visit in through) < len(through) / 100


def test_visitors_accept_codings_in_their_proportions() -> None:
    counts = Counter(visit.codings for visit in drawn())
    for codings, of_ten in CODINGS.items():
        assert counts[codings] / 2000 == pytest.approx(of_ten, rel=0.1)


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
