-- Stands first in a state's holds while a checkpoint of the job is kept, which goes when it succeeds.
local checkpoint_mark = '#'

local function checkpoint_mark_of(id)
  return redis.call('HEXISTS', checkpoints, id) == 1 and checkpoint_mark or ''
end
