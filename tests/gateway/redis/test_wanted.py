from gateway.config.redis import RedisSettings
from gateway.figures.registry import Figures
from gateway.redis.wanted import redis_for
from tests.support.redis_script import scripted_redis


async def test_without_settings_there_is_none() -> None:
    assert await redis_for(None, Figures.in_memory(), None) is None


async def test_the_one_in_use_goes_on_while_it_fits() -> None:
    async with scripted_redis() as server:
        settings = RedisSettings.model_validate({"url": server.url, "timeout": "1s"})
        first = await redis_for(settings, Figures.in_memory(), None)
        assert first is not None
        assert await redis_for(settings, Figures.in_memory(), first) is first
        other = RedisSettings.model_validate({"url": server.url, "timeout": "1s", "prefix": "b:"})
        second = await redis_for(other, Figures.in_memory(), first)
        assert second is not None
        assert second is not first
        assert second.prefix == b"b:"
        await first.close()
        await second.close()
