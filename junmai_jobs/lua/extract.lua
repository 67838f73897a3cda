-- extract: jobs whole, at most 50, each as it is now; nothing is changed. One call gives about 1 MiB: the rest of the
-- ids is to be asked for again.
-- replies: OK, how many of the ids were looked at, then for each job that is there: id, home (empty: it is in none),
--   lane, score, body, state, result, history, progress, checkpoint, log, time of expiry, what is kept of its unique
--   key, and its dependencies that are open (lib/block.lua); empty where it has none
-- include: queue_keys, state, homes, body, unique, range_of
local room = 1048576

-- Its home by its state; else, of a damaged or torn one, wherever it is. Home, lane and score.
local function find_in(lane, id, words)
  for _, word in ipairs(words) do
    local score = redis.call('ZSCORE', finished_home(word) or queue_key(lane, word), id)
    if score then return word, lane, score end
  end
end

local function find(id, state, lane)
  if state then
    local home, _, score = find_in(lane, id, {state.word == 'running' and 'leases' or state.word})
    if home then return home, lane, score end
  end
  local words = {'ready', 'scheduled', 'retrying', 'leases', 'blocked'}
  local home, found, score = find_in(lane, id, words)
  if not home then home, found, score = find_in(lane, id, {'succeeded', 'failed', 'cancelled'}) end
  for _, name in ipairs(home and {} or redis.call('ZRANGE', queues, 0, 999)) do
    home, found, score = find_in(name, id, words)
    if home then break end
  end
  return home or '', found or lane, score or '0'
end

local policies = {cancel = true, continue = true, failure = true}

local function open_dependencies(id)
  local found = {}
  local low, high = range_of(id)
  for _, entry in ipairs(redis.call('ZRANGEBYLEX', parents, low, high)) do
    local parent = string.match(entry, ' (%S+)$')
    if parent and entry == id .. ' ' .. parent then
      local from, to = range_of(parent .. ' ' .. id)
      local edge = redis.call('ZRANGEBYLEX', children, from, to, 'LIMIT', 0, 1)[1] or ''
      local policy, reads = string.match(edge, ' (%a+)(%+?)$')
      found[#found + 1] = (policies[policy] and policy .. reads or 'cancel') .. '=' .. parent
    end
  end
  return table.concat(found, ' ')
end

local function own_entry(id, extras)
  local key = unique_of(extras)
  local entry = key and redis.call('HGET', uniques, key) or ''
  local owner, scope = string.match(entry, '^(%S+) (%a+) %d+ ?%S*$')
  return owner == id and (scope == 'alive' or scope == 'waiting') and entry or ''
end

local function add_job(reply, id, body)
  local state = redis.call('HGET', states, id)
  local _, queue, _, _, _, extras = read_header(body)
  local known = state_in(state)
  local home, lane, score = find(id, known, known and known.queue or queue or 'default')
  local waits = home == 'blocked' and not (known and known.holds ~= '')
  local job = {id, home, lane, score, body, state or ''}
  for _, hash in ipairs({results, histories, progress_notes, checkpoints, log_lines}) do
    job[#job + 1] = redis.call('HGET', hash, id) or ''
  end
  job[#job + 1] = redis.call('ZSCORE', expiring, id) or ''
  job[#job + 1] = own_entry(id, extras)
  job[#job + 1] = waits and open_dependencies(id) or ''
  local size = 0
  for _, part in ipairs(job) do
    reply[#reply + 1], size = part, size + #part
  end
  return size
end

local function extract(...)
  local ids, reply, size = {...}, {'OK', 0}, 0
  for index, id in ipairs(ids) do
    local body = redis.call('HGET', bodies, id)
    if body then size = size + add_job(reply, id, body) end
    reply[2] = index
    if size > room then break end
  end
  return reply
end
