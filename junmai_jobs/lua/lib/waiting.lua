-- include: state, body, queue_keys
-- A waiting job without a state has its home as its only truth: that, or nil where there is none.
local function waiting_state(id, body)
  local _, queue = read_header(body)
  for _, word in ipairs({'ready', 'scheduled', 'retrying', 'blocked'}) do
    if queue and redis.call('ZSCORE', queue_key(queue, word), id) then
      return new_state(word, queue)
    end
  end
end

-- The state of a job that is there, and its body; nil if there is none.
local function known_state(id)
  local body = redis.call('HGET', bodies, id)
  return body and (read_state(id) or waiting_state(id, body)), body
end

local is_waiting = {ready = true, scheduled = true, retrying = true, blocked = true}
