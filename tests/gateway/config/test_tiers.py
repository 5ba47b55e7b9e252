import pytest
from pydantic import ValidationError

from gateway.config.tiers import HostTierSettings, RedisTierSettings, TierSettings


def test_there_is_no_tier_unless_one_is_wanted() -> None:
    assert TierSettings().host is None
    assert TierSettings.model_validate({"host": "off"}).host is None


def test_a_folder_is_enough() -> None:
    host = TierSettings.model_validate({"host": "tier"}).host
    assert isinstance(host, HostTierSettings)
    assert (str(host.path), host.size, host.secret) == ("tier", 2**30, None)


def test_all_can_be_said() -> None:
    said = {"path": "tier", "size": "8MiB", "max_entry": "1MiB", "queue": "2MiB", "secret": "TIER_SECRET"}
    host = HostTierSettings.model_validate(said)
    assert host.model_dump(mode="json") == {**said}


@pytest.mark.parametrize(
    "wrong",
    [{"path": ""}, {"path": "a", "size": "1KiB"}, {"path": "a", "secret": "no name"}, {"path": "a", "queue": 0}],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HostTierSettings.model_validate(wrong)


def test_the_redis_tier_is_on_or_off_or_said_in_full() -> None:
    assert TierSettings().redis is None
    assert TierSettings.model_validate({"redis": "off"}).redis is None
    assert TierSettings.model_validate({"redis": "on"}).redis == RedisTierSettings()
    said = {"max_entry": "2MiB", "compress_above": "off", "ttl": "1h", "queue": "1MiB", "secret": "TIER_SECRET"}
    redis = TierSettings.model_validate({"redis": said}).redis
    assert redis is not None
    assert redis.model_dump(mode="json") == said


@pytest.mark.parametrize("wrong", [{"ttl": 0}, {"max_entry": 0}, {"secret": "no name"}, {"host": "a"}, "yes"])
def test_a_redis_tier_that_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        TierSettings.model_validate({"redis": wrong})
