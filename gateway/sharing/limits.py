"""Debts that all replicas have in common: the generic cell rate algorithm in one step in Redis, by its clock.

A debt is a time: when it is paid. A key lives as long as its debt. All keys lie on the same node of a cluster, since a
request takes from all its limits or from none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from gateway.redis.errors import RedisError
from gateway.redis.script import Script
from gateway.tiers.frame import digest

if TYPE_CHECKING:
    from gateway.redis.client import Redis

_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function debt(key)
  return math.max(tonumber(redis.call('GET', key) or '0') - now, 0)
end
local function owe(key, seconds)
  if seconds > 0 then
    redis.call('SET', key, string.format('%.6f', now + seconds), 'PX', math.ceil(seconds * 1000))
  else
    redis.call('DEL', key)
  end
end
"""

TAKE = Script(
    _NOW
    + """
local said, after, fits, refused = {}, {}, {}, false
for i, key in ipairs(KEYS) do
  local interval, tolerance, cost, dry = unpack(ARGV, 4 * i - 3, 4 * i)
  local before = debt(key)
  after[i] = math.max(before + cost * interval, 0)
  fits[i] = after[i] <= tonumber(tolerance)
  refused = refused or (not fits[i] and dry == '0')
  said[2 * i - 1] = string.format('%.6f', before)
  said[2 * i] = string.format('%.6f', after[i])
end
if not refused then
  for i, key in ipairs(KEYS) do
    if fits[i] then
      owe(key, after[i])
    end
  end
end
return said
"""
)
"""Take from all limits or from none. For each key four arguments: seconds for each unit, longest debt in seconds, cost,
1 for a dry run. For each key the debt before and after, in seconds."""

CORRECT = Script(
    _NOW
    + """
owe(KEYS[1], math.min(debt(KEYS[1]) + ARGV[1] * ARGV[3], 2 * ARGV[2]))
return 0
"""
)
"""Charge more afterwards, or give back. Arguments: seconds for each unit, longest debt in seconds, cost."""

_NAME = 16


class SharedCharge(NamedTuple):
    """What is taken from one limit."""

    name: bytes
    """Of the limit and of who pays."""
    interval: float
    """Seconds of debt for each unit of cost."""
    tolerance: float
    """The longest debt, in seconds."""
    cost: int
    is_dry: bool = False
    """What would be refused is let through, and nothing is taken."""


class SharedLimits:
    """The debts, as one worker charges them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._prefix = redis.prefix + b"{limits}:"

    def _key(self, charge: SharedCharge) -> bytes:
        return self._prefix + digest(charge.name, _NAME).hex().encode()  # nobody's address lies in Redis

    async def take(self, charges: Sequence[SharedCharge]) -> list[tuple[float, float]] | None:
        """Take the charges if they all fit. The debt of each before, and as it is or would be afterwards, in seconds;
        `None` when Redis does not say."""
        if not self._redis.is_up:
            return None
        arguments: list[bytes | str | int | float] = []
        for charge in charges:
            arguments += [repr(charge.interval), repr(charge.tolerance), charge.cost, int(charge.is_dry)]
        try:
            said = await self._redis.script(TAKE, [self._key(charge) for charge in charges], arguments)
        except RedisError:
            return None
        return [(float(said[at]), float(said[at + 1])) for at in range(0, len(said), 2)]

    async def correct(self, charge: SharedCharge) -> bool:
        """Charge more afterwards, or give back (a negative cost); whether Redis knows."""
        if not self._redis.is_up:
            return False
        arguments = (repr(charge.interval), repr(charge.tolerance), charge.cost)
        try:
            await self._redis.script(CORRECT, [self._key(charge)], arguments)
        except RedisError:
            return False
        return True
