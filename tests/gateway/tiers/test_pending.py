from gateway.tiers.frame import digests
from gateway.tiers.pending import PendingPurges
from gateway.tiers.tier import PurgeOrder

LABELS = digests((b"a", b"b"))
NAME = b"http://shop.example/a"


def test_without_any_nothing_is_hit() -> None:
    assert PendingPurges().hit(LABELS, NAME) is None


def test_a_purge_means_what_has_its_label_or_its_beginning_until_it_is_noted() -> None:
    for order in (PurgeOrder(labels=(b"b",)), PurgeOrder(prefixes=(b"http://shop.example/",))):
        pending = PendingPurges()
        pending.add(order)
        assert pending.hit(LABELS, NAME) is True
        assert pending.hit(digests((b"c",)), b"http://other/") is None
        pending.discard(order)
        assert (pending.hit(LABELS, NAME), pending.count) == (None, 0)


def test_a_hard_purge_counts_more_than_a_soft_one() -> None:
    pending = PendingPurges()
    pending.add(PurgeOrder(labels=(b"a",), prefixes=(b"http:",), soft=True))
    assert pending.hit(LABELS, NAME) is False
    pending.add(PurgeOrder(labels=(b"b",)))
    assert pending.hit(LABELS, NAME) is True
    pending.add(PurgeOrder(prefixes=(b"http:",)))
    pending.discard(PurgeOrder(labels=(b"b",)))
    assert pending.hit(LABELS, NAME) is True


def test_the_same_purge_twice_is_over_when_both_are_noted() -> None:
    pending, order = PendingPurges(), PurgeOrder(labels=(b"a",))
    pending.add(order)
    pending.add(order)
    pending.discard(order)
    assert pending.hit(LABELS, NAME) is True
    pending.discard(order)
    assert pending.hit(LABELS, NAME) is None
