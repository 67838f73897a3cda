-- include: queue_keys, lane_types, breaks, add_event, meta
-- What all else stands on.
local lane_is_ours, examine_fixed_keys, examine_meta, examine_stream

do -- what only this file needs
-- A key that is not ours is moved away whole, to a name that nothing has, and ours begins anew.
local function key_is_ours(key, wanted)
  local found = redis.call('TYPE', key).ok
  if found == wanted or found == 'none' then return true end
  if not breaks('foreign_key', key, 'is a ' .. found .. ', and should be a ' .. wanted) then return false end
  return redis.call('RENAME', key, aside_key(key) .. ':' .. digits(now_us)).ok == 'OK'
end

-- A worker is a queue that has but one key.
function lane_is_ours(lane)
  if string.sub(lane, 1, 1) == '@' then return key_is_ours(queue_key(lane, 'control'), 'list') end
  local ours = true
  for kind, wanted in pairs(lane_types) do ours = key_is_ours(queue_key(lane, kind), wanted) and ours end
  return ours
end

-- What is read by name is in the order of names only while all scores are the same. A call puts so many right.
local function examine_order(set)
  learnt.left = learnt.left or 200
  for _, range in ipairs({{'-inf', '(0'}, {'(0', '+inf'}}) do
    local astray = redis.call('ZRANGEBYSCORE', set, range[1], range[2], 'LIMIT', 0, learnt.left)
    if astray[1] and breaks('order', set, 'has entries out of their order, as ' .. string.sub(astray[1], 1, 200)) then
      for _, entry in ipairs(astray) do redis.call('ZADD', set, 0, entry) end
      learnt.left = learnt.left - #astray
    end
  end
end

function examine_fixed_keys()
  for _, hash in ipairs({
    bodies, states, meta, paused, claimers, worker_info, results, histories, progress_notes, uniques, schedules,
    checkpoints, suspects, observations, cached, log_lines,
  }) do key_is_ours(hash, 'hash') end
  for _, set in ipairs({
    workers, succeeded, failed, cancelled, ended, limits_due, ticks, suspected, observed, cache_uses, expiring, ages,
    minutes, hours, looked_at,
  }) do key_is_ours(set, 'zset') end
  for _, set in ipairs({queues, children, parents, needed, members, holders, parked, starts}) do
    if key_is_ours(set, 'zset') then examine_order(set) end
  end
  key_is_ours(event_stream, 'stream')
  key_is_ours(alarm, 'list')
end

-- What all calls count on. A number that is none, or too large to be counted on from, gives way to the time, which
-- is larger than all that were given before: a token is one in microseconds anyway, and the milliseconds are more
-- than any jobs, and less than half of a band is wide.
function examine_meta()
  for name, wrong in pairs({token = {9007199254740992, digits(now_us)}, sequence = {2199023255552, now_text}}) do
    local text = redis.call('HGET', meta, name)
    local sound = not text or (string.find(text, '^%d+$') and #text <= 16 and tonumber(text) < wrong[1])
    local seen = not sound and name .. ' is ' .. string.sub(text, 1, 40) .. ', no number to count on from'
    if seen and breaks(name, meta, seen) then
      redis.call('HSET', meta, name, wrong[2])
    end
  end
end

-- Entries are given ids by the time. One of the far future is the last by which others are numbered, until no more can
-- be: then whatever is noted, and with it all that is done, fails.
function examine_stream()
  local whole = 'STREAM'
  local last = redis.call('EXISTS', event_stream) == 1 and redis.call('XINFO', whole, event_stream) or {}
  for index = 1, #last, 2 do
    local ahead = last[index] == 'last-generated-id' and string.match(last[index + 1], '^%d+') - now
    if ahead and ahead > 1e12 and breaks('stream', event_stream, 'counts on from ' .. last[index + 1]) then
      redis.call('RENAME', event_stream, aside_key(event_stream) .. ':' .. digits(now_us))
      read_meta()
      if learnt.listened then add_event('gap', '', '') end
    end
  end
end
end
