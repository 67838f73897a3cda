-- The only place where the name of a key is made from data.
-- kind: ready (score: priority and sequence), scheduled and retrying (due time), leases (end of the lease),
-- blocked (time of submission), each a zset of ids; bell, a list of at most one ring. A worker is a queue
-- named @WORKER with one key, control: a list of at most one ring, on which its supervisor blocks.
local function queue_key(queue, kind)
  return prefix .. 'q:' .. queue .. ':' .. kind
end
