-- adopt: what was restored of an export gets its place in the namespace, all of it in this call; work may begin.
-- base, staging: what the names of the namespace's keys begin with, and those of staged keys.
-- A pause of the namespace that is there counts, and those of the export do not.
-- replies: OK | TAKEN, key: there is something in the namespace by now | GONE: nothing is staged of this export
-- include: staged, bell, pass_ring_on, meta, add_event
local kept_fields = {'token', 'sequence', 'furthest', 'announced', 'cache_hits', 'cache_misses', 'cache_bytes'}

local function move(from, to)
  for index, key in ipairs(from) do
    if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, to[index]) end
  end
end

-- What counts upwards never goes back.
local function merge_meta(values)
  for index, name in ipairs(kept_fields) do
    local known = index <= 3 and tonumber(redis.call('HGET', meta, name) or '') or 0
    if values[index] and (index > 3 or tonumber(values[index]) > known) then
      redis.call('HSET', meta, name, values[index])
    end
  end
end

local function move_all(base, staging, lanes)
  local has_pause = redis.call('EXISTS', paused) == 1
  local others, telling, pauses, homes = other_keys(), telling_keys(), {paused}, {}
  for index, lane in ipairs(lanes) do homes[index] = homes_of_lane(lane) end
  name_keys(staging)
  if not has_pause then move({paused}, pauses) end
  for index, lane in ipairs(lanes) do
    move(homes_of_lane(lane), homes[index])
    redis.call('UNLINK', queue_key(lane, 'bell'))
  end
  move(other_keys(), others)
  move(telling_keys(), telling)
  redis.call('UNLINK', paused, alarm, meta)
  name_keys(base)
end

local function adopt(base, staging, source)
  local key = key_in_use()
  local is_done = redis.call('HGET', meta, 'adopted') == source
  name_keys(staging)
  if redis.call('HGET', meta, 'source') ~= source then return {is_done and 'OK' or 'GONE'} end
  if key then return {'TAKEN', key} end
  local values, lanes = redis.call('HMGET', meta, unpack(kept_fields)), redis.call('ZRANGE', queues, 0, -1)
  name_keys(base)
  merge_meta(values)
  move_all(base, staging, lanes)
  redis.call('HSET', meta, 'adopted', source)
  read_meta()
  if learnt.listened then add_event('gap', '', '') end
  pass_ring_on(lanes)
  ring(alarm)
  return {'OK'}
end
