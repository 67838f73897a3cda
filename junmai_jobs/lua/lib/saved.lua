-- The first mark in a state's holds: a run has left a checkpoint, which goes when the job succeeds.
local saved = '#'

local function mark_of(id)
  return redis.call('HEXISTS', checkpoints, id) == 1 and saved or ''
end
