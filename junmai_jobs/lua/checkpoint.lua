-- checkpoint: running -> running; data is what the next run of the job finds, empty: what did the last leave?
-- replies: OK, data (empty after a write, or if there is none) | LOST
-- include: ending
local function checkpoint(id, token, data)
  if not guard(id, token, {}) then return {'LOST'} end
  if data == '' then return {'OK', redis.call('HGET', checkpoints, id) or ''} end
  redis.call('HSET', checkpoints, id, data)
  return {'OK', ''}
end
