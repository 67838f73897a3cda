-- succeed: running -> succeeded. result: msgpack, empty for None.
-- replies: OK | LOST
-- include: now, leave, ending
local function succeed(id, token, result)
  local state, word = guard(id, token, {succeeded = 'OK'})
  if not state then return {word} end
  if result ~= '' then redis.call('HSET', results, id, result) end
  finish(id, state, 'succeeded', '')
  leave_leases(id, state)
  return {'OK'}
end
