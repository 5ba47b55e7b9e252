from gateway.tiers.host import HostTier
from gateway.tiers.tier import NearTier
from tests.support.tiering import record


def test_a_record_counts_with_all_its_parts() -> None:
    assert record(body=b"x" * 100).octets == record(body=b"").octets + 100


def test_the_host_tier_is_a_near_tier() -> None:
    def takes(tier: NearTier) -> NearTier:
        return tier

    assert takes(HostTier.__new__(HostTier)) is not None
