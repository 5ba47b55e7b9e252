"""What Redis does for leases, each in one step that nothing comes between.

A lease is a hash that outlives what it was for by a while: whoever had it then and comes late is known by its token,
which is lower. Tokens are microseconds of the clock of Redis, and each is greater than the one before.

    state    held, stored, apart or free
    token    of whoever had it last
    until    microseconds: how long it is held, or may not be had
    owner    the channel of whoever has it, and in which of his questions he got it (nonce)
    w:NAME   somebody who waits, by the channel on which he hears

An answer is written, and those who wait are told, by the step that puts the record in its place
(`gateway.tiers.redis_scripts`)."""

from __future__ import annotations

from gateway.redis.script import Script

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""
_TELL = """
local function tell(key, word)
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 2) == 'w:' then
      redis.call('PUBLISH', string.sub(name, 3), word)
      redis.call('HDEL', key, name)
    end
  end
end
"""

TAKE = Script(
    _NOW
    + """
local key = KEYS[1]
local found = redis.call('HMGET', key, 'state', 'token', 'until', 'owner')
local state, token, lasts = found[1], found[2], tonumber(found[3] or '0')
if state == 'held' and lasts > now and found[4] ~= ARGV[1] then
  redis.call('HSET', key, 'w:' .. ARGV[1], 1)
  return {'held', math.ceil((lasts - now) / 1000)}
end
if state == 'apart' and lasts > now then
  return {'apart', 0}
end
if state == 'stored' and token ~= ARGV[2] then
  return {'stored', token}
end
local own = now
if token and tonumber(token) >= own then
  own = tonumber(token) + 1
end
own = string.format('%.0f', own)
redis.call('HSET', key, 'state', 'held', 'token', own, 'until', string.format('%.0f', now + ARGV[3] * 1000))
redis.call('HSET', key, 'owner', ARGV[1], 'nonce', ARGV[5])
redis.call('PEXPIRE', key, ARGV[4])
return {'yours', own}
"""
)
"""Take the lease of KEYS[1]. Arguments: channel of the asker, token of the last answer that it has seen, milliseconds
that the lease lasts, milliseconds that it is remembered, number of the question. Whoever has it and asks again has
missed the answer, and gets it anew. What comes of it, and a number: `yours` and the token; `held`
and the milliseconds until it may be free; `stored` and the token of an answer to be looked at first; `apart`."""

RENEW = Script(
    _NOW
    + """
local found = redis.call('HMGET', KEYS[1], 'state', 'token')
if found[1] ~= 'held' or found[2] ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2] * 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
)
"""Hold it for longer. Arguments: token, milliseconds that it lasts, milliseconds that it is remembered. 0 when somebody
else has it."""

END = Script(
    _NOW
    + _TELL
    + """
local found = redis.call('HMGET', KEYS[1], 'state', 'token')
if found[1] ~= 'held' or found[2] ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'until', string.format('%.0f', now + ARGV[3] * 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
tell(KEYS[1], ARGV[5])
return 1
"""
)
"""Give it back without an answer that others could use. Arguments: token, `free` or `apart`, milliseconds during which
nobody has to ask for it again, milliseconds that it is remembered, what those who wait are told."""

DISOWN = Script(
    _TELL
    + """
local found = redis.call('HMGET', KEYS[1], 'state', 'owner', 'nonce')
if found[1] ~= 'held' or found[2] ~= ARGV[1] or found[3] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'state', 'free', 'until', '0')
tell(KEYS[1], ARGV[3])
return 1
"""
)
"""Give back what was asked for and may have been got: the answer never came. Arguments: channel, number of the
question, what those who wait are told."""
