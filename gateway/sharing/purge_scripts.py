"""What Redis does for purges, each in one step that nothing comes between.

The log is a stream. Each entry names the one before it, so whoever hears of one knows whether it has missed any. The
first entry of a log is empty: its birth. Times are those of Redis, whatever the clocks of replicas say."""

from __future__ import annotations

from gateway.redis.script import Script

NOTE = Script(
    """
local log, members, told, size = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local channel, message, most, most_octets, since = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
if redis.call('EXISTS', told) == 1 then
  return {0}
end
local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
local before
if last[1] then
  before = last[1][1]
else
  before = redis.call('XADD', log, '*', 'm', '', 'p', '0-0')
  redis.call('PUBLISH', channel, before .. ' 0-0 ')
end
local place = redis.call('XADD', log, '*', 'm', message, 'p', before)
redis.call('SET', told, place, 'PX', 60000)
local octets = redis.call('INCRBY', size, string.len(message))
if octets > most_octets then
  redis.call('XTRIM', log, 'MAXLEN', math.floor(redis.call('XLEN', log) / 2))
  redis.call('SET', size, math.floor(most_octets / 2))
end
redis.call('XTRIM', log, 'MAXLEN', '~', most)
redis.call('PUBLISH', channel, place .. ' ' .. before .. ' ' .. message)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {1, place, redis.call('ZRANGEBYSCORE', members, now - since, '+inf')}
"""
)
"""Write a purge into the log and tell everybody, unless that has been done. Keys: log, members, identity, size.
Arguments: channel, message, entries at most, octets at most, milliseconds after which a member is forgotten.
1, the place in the log and the members; or 0 when it was there already."""

JOIN = Script(
    """
local log, members = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', members, now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', members, '-inf', now - ARGV[3])
local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)
if last[1] then
  return last[1][1]
end
local birth = redis.call('XADD', log, '*', 'm', '', 'p', '0-0')
redis.call('PUBLISH', ARGV[1], birth .. ' 0-0 ')
return birth
"""
)
"""Be known as a member, and see to it that there is a log. Keys: log, members. Arguments: channel, member,
milliseconds after which a member is forgotten. The place of the last entry."""
