-- stage: an export is to be restored into this namespace, which is empty; what an earlier import has left goes.
-- staging: what the names of staged keys begin with. source: which export; what has been restored of the same stays.
-- discard: of which export what is staged goes, and that is all; *: of whichever; empty: begin.
-- replies: OK | TAKEN, key: there is something in the namespace
-- include: staged
local function throw_away()
  for _, lane in ipairs(redis.call('ZRANGE', queues, 0, -1)) do
    redis.call('UNLINK', queue_key(lane, 'bell'), unpack(homes_of_lane(lane)))
  end
  redis.call('UNLINK', unpack(telling_keys()))
  redis.call('UNLINK', paused, alarm, meta, unpack(other_keys()))
end

local function stage(staging, source, discard)
  local key = discard == '' and key_in_use()
  if key then return {'TAKEN', key} end
  name_keys(staging)
  local before = redis.call('HGET', meta, 'source')
  if before and (discard == '*' or discard == before or (discard == '' and before ~= source)) then throw_away() end
  if discard == '' then redis.call('HSET', meta, 'source', source) end
  return {'OK'}
end
