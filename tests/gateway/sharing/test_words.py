"""Purges as replicas write them to each other."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sharing.words import ALL, MOST_OCTETS, Written, number_of, pieces, read, write
from gateway.tiers.tier import PurgeOrder

names = st.lists(st.binary(max_size=40), max_size=5).map(tuple)
orders = st.builds(PurgeOrder, labels=names, prefixes=names, soft=st.booleans())


@given(orders)
def test_what_is_written_is_read(order: PurgeOrder) -> None:
    written = Written(order, "id", "A/0", "slipstream:to:A/0")
    assert read(write(written)) == written


@given(st.binary())
def test_what_cannot_be_read_means_everything(octets: bytes) -> None:
    assert read(octets).order == ALL


@pytest.mark.parametrize("changes", [{"v": 2}, {"labels": 3}, {"labels": ["\u20ac"]}, {"prefixes": None}])
def test_a_later_version_means_everything(changes: dict[str, object]) -> None:
    document = orjson.loads(write(Written(PurgeOrder(labels=(b"tag a",)), "id", "A/0", "")))
    assert read(orjson.dumps(document | changes)).order == ALL


@given(orders)
def test_a_short_order_is_one_piece(order: PurgeOrder) -> None:
    expected = [order] if order.labels or order.prefixes else []
    assert list(pieces(order)) == expected


def test_a_long_order_is_several_and_none_is_too_long() -> None:
    order = PurgeOrder(labels=tuple(b"%04d" % number * 100 for number in range(100)), prefixes=(b"p",), soft=True)
    found = list(pieces(order))
    assert len(found) > 1
    assert all(sum(map(len, each.labels)) <= MOST_OCTETS and each.soft for each in found)
    assert tuple(label for each in found for label in each.labels) == order.labels
    assert found[-1].prefixes == (b"p",)


def test_a_later_place_has_a_greater_number() -> None:
    places = [b"0-0", b"1-0", b"1-1", b"1-1000", b"2-0", b"1795242470467-0", b"1795242470467-3"]
    assert sorted(places, key=number_of) == places
    assert number_of(places[-1]) < 2**63


@pytest.mark.parametrize("place", [b"", b"x", b"1-x"])
def test_what_is_no_place_has_no_number(place: bytes) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        number_of(place)
