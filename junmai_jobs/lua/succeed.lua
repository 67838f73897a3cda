-- succeed: running -> succeeded. result: msgpack, empty for None. ttl: ms until it is forgotten, empty for never.
-- replies: OK | LOST
-- include: leave, ending
local function succeed(id, token, result, ttl)
  local state, word = guard(id, token, {succeeded = 'OK'})
  if not state then return {word} end
  if result ~= '' then redis.call('HSET', results, id, result) end
  if ttl ~= '' then redis.call('ZADD', expiring, digits(now + ttl), id) end
  finish(id, state, 'succeeded', '')
  leave_leases(id, state)
  return {'OK'}
end
