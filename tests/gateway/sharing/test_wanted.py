"""What is shared under which configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config.settings import GatewaySettings
from gateway.figures.registry import Figures
from gateway.redis.client import Redis
from gateway.sharing.wanted import nobody, sharing_for

SECRET = "a secret of more than thirty-two characters"


def settings(**more: Any) -> GatewaySettings:
    return GatewaySettings.model_validate(
        {"upstreams": {"app": {"servers": ["http://127.0.0.1:1"]}}, "redis": "redis://127.0.0.1:1", **more}
    )


def client(of: GatewaySettings) -> Redis:
    assert of.redis is not None
    return Redis(of.redis, Figures.in_memory())


async def test_without_redis_nothing_is_shared() -> None:
    assert sharing_for(settings(), None, Figures.in_memory(), nobody, None) is None


async def test_what_is_in_use_is_taken_over_with_its_client() -> None:
    wanted = settings()
    redis = client(wanted)
    first = sharing_for(wanted, redis, Figures.in_memory(), nobody, None)
    assert sharing_for(wanted, redis, Figures.in_memory(), nobody, first) is first
    assert sharing_for(wanted, client(wanted), Figures.in_memory(), nobody, first) is not first


async def test_with_a_secret_names_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    plain, sealed = settings(), settings(tiers={"redis": {"secret": "SECRET"}})
    redis = client(plain)
    first = sharing_for(plain, redis, Figures.in_memory(), nobody, None)
    second = sharing_for(sealed, redis, Figures.in_memory(), nobody, first)
    assert first is not None
    assert second is not None
    assert (first.names, len(second.names)) == (b"", 32)
    monkeypatch.delenv("SECRET")
    assert sharing_for(sealed, redis, Figures.in_memory(), nobody, first) is first


async def test_a_host_tier_keeps_the_place(tmp_path: Path) -> None:
    wanted = settings(tiers={"host": str(tmp_path)})
    sharing = sharing_for(wanted, client(wanted), Figures.in_memory(), None, None)
    assert sharing is not None
    await sharing.open()
    assert sharing.purges.place == b""
    await sharing.close()


async def test_without_a_supervisor_nobody_answers() -> None:
    with pytest.raises(LookupError):
        await nobody("purge", {})
