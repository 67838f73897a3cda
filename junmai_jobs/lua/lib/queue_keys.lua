-- The only place where the name of a key is made from data.
-- kind: ready (score: priority and sequence), scheduled and retrying (due time), leases (end of the lease),
-- blocked (time of submission), each a zset of ids; bell, a list of at most one ring.
local function queue_key(queue, kind)
  return queue_prefix .. queue .. ':' .. kind
end

-- A list of at most one ring, on which the supervisor of a worker blocks.
local function control_key(worker)
  return queue_prefix .. '@' .. worker
end
