-- recall: the value that is kept under a key; this is a use of it. One whose time is over goes.
-- replies: OK, value | NONE
-- include: cached
local function recall(key, token)
  local till, value = string.match(redis.call('HGET', cached, key) or '', '^(%d*) (.*)$')
  if not till then return {'NONE'} end
  if till ~= '' and tonumber(till) <= now then
    forget_cached({key})
    return {'NONE'}
  end
  note_use(key, token, 'cache_hits')
  return {'OK', value}
end
