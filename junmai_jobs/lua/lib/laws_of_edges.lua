-- include: bell, state, homes, holders, unpark, limits, range_of, tell_children, breaks
-- What sets that are read by name say of jobs; each function has one set, and gets one of its entries.
local laws_of_edges = {}
local set_of_edges

do -- what only this file needs
local function exists(id)
  return redis.call('HEXISTS', bodies, id) == 1
end

local function is_over(id)
  local state = read_state(id)
  return not exists(id) or (state and finished_home(state.word) ~= nil)
end

local function is_none(name, entry, set)
  if breaks('entry', entry, 'is no entry of ' .. name) then set_member_aside(set, entry) end
end

function laws_of_edges.children(entry)
  local parent, child = string.match(entry, '^(%S+) (%S+) (%a+)%+?$')
  if not parent then
    is_none('children', entry, children)
  elseif is_over(parent) and not redis.call('ZSCORE', ended, parent) then
    local seen = 'waits for ' .. parent .. ', which has ended, and nobody will tell it'
    if breaks('told', child, seen) then
      if not exists(parent) then redis.call('HDEL', states, parent) end
      tell_children(parent)
    end
  end
end

-- How the child was submitted; where its body does not tell, it must not run without its parent. Behind the last of the
-- parents that a body names there may be anything; but if the name ends, it is that.
local function policy_of(child, parent)
  local body, at, policy = redis.call('HGET', bodies, child) or '', 0, nil
  local named = '=' .. parent
  while true do
    at = string.find(body, named, at + 1, true)
    if not at then return policy or 'cancel' end
    local before = string.sub(body, math.max(1, at - 9), at - 1)
    local word = string.match(before, 'cancel%+?$') or string.match(before, 'continue%+?$') or
      string.match(before, 'failure%+?$')
    if word and not string.find(body, '^[%w._:/-]', at + #named) then return word end
    policy = policy or word
  end
end

function laws_of_edges.parents(entry)
  local child, parent = string.match(entry, '^(%S+) (%S+)$')
  if not child then
    return is_none('parents', entry, parents)
  end
  local low, high = range_of(parent .. ' ' .. child)
  if redis.call('ZRANGEBYLEX', children, low, high, 'LIMIT', 0, 1)[1] then return end
  if not breaks('edge', child, 'waits for ' .. parent .. ', which does not know of it') then return end
  local state = exists(child) and read_state(child)
  if state and state.word == 'blocked' and state.holds == '' then
    redis.call('ZADD', children, 0, parent .. ' ' .. child .. ' ' .. policy_of(child, parent))
    if is_over(parent) then tell_children(parent) end
  else
    redis.call('ZREM', parents, entry)
  end
end

function laws_of_edges.needed(entry)
  local parent, child = string.match(entry, '^(%S+) (%S+)$')
  if not parent then
    is_none('needed', entry, needed)
  elseif not exists(parent) and breaks('leftover', child, 'is noted to read of ' .. parent .. ', which is gone') then
    redis.call('ZREM', needed, entry)
  end
end

function laws_of_edges.members(entry)
  local batch, id = string.match(entry, '^(%S+) (%S+)$')
  if not batch then
    is_none('members', entry, members)
  elseif not exists(id) and breaks('leftover', id, 'is noted in the batch ' .. batch .. ', and is gone') then
    redis.call('ZREM', members, entry)
  end
end

function laws_of_edges.holders(entry)
  local key, id = string.match(entry, '^(%S+) (%S+)')
  if not key then
    return is_none('holders', entry, holders)
  end
  local state = exists(id) and read_state(id)
  for held in string.gmatch(state and state.word == 'running' and state.holds or '', '[^;]+') do
    if member_of(held, id) == entry then return end
  end
  if breaks('holder', id, 'is noted to hold ' .. key .. ', and does not') then
    redis.call('ZREM', holders, entry)
    if string.sub(key, 1, 1) ~= '@' then unpark(key, 1) end
  end
end

function laws_of_edges.parked(entry)
  local key, score, id = string.match(entry, '^(%S+) (%d+) (%S+)$')
  if not key then
    return is_none('parked', entry, parked)
  end
  local state = exists(id) and read_state(id)
  local waits = state and state.word == 'blocked' and state.holds == key
  if waits and parked_entry(key, state.score, id) == entry then return end
  if breaks('parked', id, 'is noted to wait for room in ' .. key .. ' at ' .. score .. ', and does not') then
    redis.call('ZREM', parked, entry)
  end
end

function laws_of_edges.limits_due(spec)
  local due = tonumber(redis.call('ZSCORE', limits_due, spec) or '0')
  if not parts_of(spec) then
    is_none('limits_due', spec, limits_due)
  elseif (due < 0 or due > now + 86400000 * 366) and breaks('limit', spec, 'is looked at again at no time') then
    redis.call('ZADD', limits_due, now, spec)
    ring(alarm)
  end
end

-- The set of such a function.
function set_of_edges(subject)
  return ({
    children = children, parents = parents, needed = needed, members = members, holders = holders, parked = parked,
    limits_due = limits_due,
  })[subject]
end
end
