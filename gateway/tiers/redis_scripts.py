"""What Redis does for records, each in one step that nothing comes between.

The value of a key is one section for each variant of a name: 28 octets that say which variant, the time of its answer,
until when it is of use, and how long the frame is that follows. A section without a frame says that the variant was
removed at that time: what is older and comes later is not taken."""

from __future__ import annotations

from gateway.redis.script import Script

_WALK = """
local HEAD = 28
local function walk(value)
  local found, at = {}, 1
  while at + HEAD - 1 <= #value do
    local variant, moment, ending, length = struct.unpack('>c8ddI4', value, at)
    found[#found + 1] = {variant = variant, moment = moment, ending = ending, length = length, at = at}
    at = at + HEAD + length
  end
  return found, at == #value + 1
end
local function join(key, value, section, variant, now, most, most_octets)
  local parts, ending, octets = {section}, select(3, struct.unpack('>c8dd', section)), #section
  local present, whole = walk(value)
  if whole then
    table.sort(present, function(a, b) return a.moment > b.moment end)
    for _, each in ipairs(present) do
      local size = HEAD + each.length
      if each.variant ~= variant and each.ending > now and #parts < most and octets + size <= most_octets then
        parts[#parts + 1] = string.sub(value, each.at, each.at + size - 1)
        ending = math.max(ending, each.ending)
        octets = octets + size
      end
    end
  end
  redis.call('SET', key, table.concat(parts), 'PX', string.format('%.0f', math.max(1, (ending - now) * 1000)))
end
"""

PUT = Script(
    _WALK
    + """
local key, lease, section, now = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
local variant, moment = struct.unpack('>c8d', section)
if lease then
  local found = redis.call('HMGET', lease, 'state', 'token')
  if found[1] ~= 'held' or found[2] ~= ARGV[5] then
    return 0
  end
end
local value = redis.call('GET', key) or ''
if not lease then
  for _, each in ipairs((walk(value))) do
    if each.variant == variant and each.moment >= moment then
      return 2
    end
  end
end
join(key, value, section, variant, now, tonumber(ARGV[3]), tonumber(ARGV[4]))
if lease then
  redis.call('HSET', lease, 'state', 'stored', 'until', '0')
  redis.call('PEXPIRE', lease, ARGV[6])
  for _, name in ipairs(redis.call('HKEYS', lease)) do
    if string.sub(name, 1, 2) == 'w:' then
      redis.call('PUBLISH', string.sub(name, 3), ARGV[7])
      redis.call('HDEL', lease, name)
    end
  end
end
return 1
"""
)
"""Put a section in its place, unless a later one is there. Keys: record, and the lease under which it was fetched, if
any: then whoever has the lease is right whatever the clocks say, and those who wait are told. Arguments: section, time,
variants at most, octets at most; with a lease its token, milliseconds that it is remembered, and what is told.
1 written, 2 there was a later one, 0 somebody else has had the lease since."""

DROP = Script(
    _WALK
    + """
local key, variant, now, seconds = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local value = redis.call('GET', key) or ''
local ending = now + seconds
for _, each in ipairs((walk(value))) do
  if each.variant == variant then
    if each.moment > now then
      return 0
    end
    ending = math.max(ending, each.ending)
  end
end
join(key, value, struct.pack('>c8ddI4', variant, now, ending, 0), variant, now, tonumber(ARGV[4]), tonumber(ARGV[5]))
return 1
"""
)
"""Remove the section of a variant, and leave word of it. Key: record. Arguments: variant, time, seconds that it is
remembered at least, variants at most, octets at most. 1, or 0 when there is a later one."""

NEWER = Script(
    """
local key, known, at = KEYS[1], ARGV[1], 0
local size = redis.call('STRLEN', key)
if size == 0 then
  return false
end
local moments = {}
for place = 1, #known, 16 do
  local variant, moment = struct.unpack('>c8d', known, place)
  moments[variant] = moment
end
while at + 28 <= size do
  local variant, moment, _, length = struct.unpack('>c8ddI4', redis.call('GETRANGE', key, at, at + 27))
  if (not moments[variant] and length > 0) or (moments[variant] and moment > moments[variant]) then
    return redis.call('GET', key)
  end
  at = at + 28 + length
end
return 1
"""
)
"""The value of a key if there is something in it that is not known. Key: record. Argument: 16 octets for each variant
that is known, which and the time of its answer. The value; 1 when nothing is new; nothing when there is none."""
