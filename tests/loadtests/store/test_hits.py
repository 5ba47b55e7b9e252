from loadtests.store.hits import SHARES, compare, hit_ratio, table
from loadtests.store.policies import POLICIES, Lru
from loadtests.store.traces import TRACES


def test_the_first_quarter_of_a_trace_does_not_count() -> None:
    assert hit_ratio(Lru(1000), [1, 2, 1, 2, 1, 2, 1, 2], {1: 10, 2: 10}) == 1.0
    assert hit_ratio(Lru(1000), [1, 2, 3, 4], {1: 10, 2: 10, 3: 10, 4: 10}) == 0.0


def test_every_policy_is_measured_on_every_trace_with_every_size() -> None:
    ratios = list(compare(things=300, requests=3000))
    assert len(ratios) == len(TRACES) * len(POLICIES) * len(SHARES)
    assert all(0 <= row.ratio < 1 for row in ratios)
    assert len(table(ratios).splitlines()) == 2 + len(TRACES) * len(POLICIES)


def test_on_each_trace_the_store_s_policy_hits_more_often_than_lru() -> None:
    found = {(row.trace, row.policy, row.share): row.ratio for row in compare(things=1000, requests=20_000)}
    for trace in TRACES:
        for share in (0.05, 0.1, 0.2):
            assert found[trace, "S3-FIFO", share] > found[trace, "LRU", share]
