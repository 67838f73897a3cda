-- include: unique, own, homes, bell, cached, suspects, breaks, unpark
-- What is kept beside the jobs, by name.
local laws_of_entries = {}

do -- what only this file needs
function laws_of_entries.leftovers(hash, ...)
  for _, id in ipairs({...}) do
    if redis.call('HEXISTS', bodies, id) == 0 and redis.call('HEXISTS', hash, id) == 1 then
      if breaks('leftover', id, 'is gone, and something is kept of it: ' .. hash) then redis.call('HDEL', hash, id) end
    end
  end
end

function laws_of_entries.expiring(id)
  if redis.call('HEXISTS', bodies, id) == 0 and redis.call('ZSCORE', expiring, id) then
    if breaks('leftover', id, 'is gone, and its result is to be forgotten') then redis.call('ZREM', expiring, id) end
  end
end

local function examine_holder(key, id)
  local body = redis.call('HGET', bodies, id)
  -- The key of a body that cannot be read may be this one.
  if body and (not read_header(body) or unique_of(extras_in(body)) == key) then return end
  local seen = 'is held by ' .. id .. (body and ', which is not of this key' or ', which is gone')
  if breaks('unique', key, seen) then pass_key_on(key) end
end

-- How many of them were looked at.
function laws_of_entries.uniques(...)
  local bytes = 0
  for index, key in ipairs({...}) do
    local entry = redis.call('HGET', uniques, key)
    local id = entry and string.match(entry, '^(%S+) %a+ %d+ ?%S*$')
    bytes = bytes + (id and redis.call('HSTRLEN', bodies, id) or 0)
    if index > 1 and bytes > most_bytes then return index - 1 end
    if id then
      examine_holder(key, id)
    elseif entry and breaks('unique', key, 'is held by nobody that can be read') then
      set_field_aside(uniques, key)
    end
  end
end

function laws_of_entries.ticks(name)
  if redis.call('HEXISTS', schedules, name) == 0 and redis.call('ZSCORE', ticks, name) then
    if breaks('tick', name, 'has a tick, and is no schedule') then redis.call('ZREM', ticks, name) end
  end
end

-- For each schedule its name, spec, and the tick it gets (ms) if it has none.
function laws_of_entries.schedules(...)
  local list = {...}
  for at = 1, #list, 3 do
    local name, spec, tick = unpack(list, at, at + 2)
    local known = tonumber(redis.call('ZSCORE', ticks, name) or nil)
    local sound = known and known >= 0 and known < 1e15 and known == math.floor(known)
    if not sound and redis.call('HGET', schedules, name) == spec then
      local seen = known and 'has a tick that is no time' or 'is a schedule, and has no tick'
      if breaks('tick', name, seen) then
        redis.call('ZADD', ticks, tick, name)
        ring(alarm)
      end
    end
  end
end

function laws_of_entries.cached(key)
  local size, used = redis.call('HSTRLEN', cached, key), redis.call('ZSCORE', cache_uses, key)
  if size > 0 and not used and breaks('cache', key, 'is kept, and its use is not noted') then
    redis.call('ZADD', cache_uses, 0, key)
  elseif size == 0 and used and breaks('cache', key, 'is noted as used, and is not kept') then
    redis.call('ZREM', cache_uses, key)
  end
end

-- What all values take was added up while nothing of this changed: misses, and the sum that is noted.
function laws_of_entries.cache_bytes(misses, noted, sum)
  local found = redis.call('HMGET', meta, 'cache_misses', 'cache_bytes')
  if (found[1] or '') ~= misses or (found[2] or '') ~= noted then return end
  if (tonumber(noted) or noted == '' and 0) == tonumber(sum) then return end
  if breaks('cache_bytes', meta, 'cache_bytes is ' .. noted .. ', and should be ' .. sum) then
    redis.call('HSET', meta, 'cache_bytes', sum)
  end
end

-- What is kept is in the order in which it goes, and nothing else is.
local function examine_order_of(law, hash, order, name)
  local kept, noted = redis.call('HEXISTS', hash, name) == 1, redis.call('ZSCORE', order, name)
  if kept and not noted and breaks(law, name, 'is kept, and not in the order in which such go') then
    redis.call('ZADD', order, now, name)
  elseif not kept and noted and breaks(law, name, 'is in the order in which such go, and is not kept') then
    redis.call('ZREM', order, name)
  end
end

function laws_of_entries.suspects(input_id) examine_order_of('suspect', suspects, suspected, input_id) end

function laws_of_entries.observations(name) examine_order_of('learnt', observations, observed, name) end

-- Who is not in one of the two and is alive registers again; who is not is buried in time.
function laws_of_entries.workers(name)
  local known, seen = redis.call('HEXISTS', worker_info, name) == 1, redis.call('ZSCORE', workers, name)
  if seen and not known and breaks('worker', name, 'lives, and has not said what it is') then
    redis.call('ZREM', workers, name)
  elseif known and not seen and breaks('worker', name, 'has said what it is, and no sign of life is noted') then
    redis.call('ZADD', workers, now, name)
  end
end

function laws_of_entries.queues(queue)
  if redis.call('ZSCORE', queues, queue) and breaks('queue_name', queue, 'is noted, and the name of none') then
    set_member_aside(queues, queue)
  end
end
end
