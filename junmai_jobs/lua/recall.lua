-- recall: the values that are kept under these keys; this is a use of each. One whose time is over goes. Those that
-- follow when there are a million bytes are left to another call.
-- ...: keys, at most 200
-- replies: OK, for each key that was looked at its value, or nothing
-- include: cached
local function recall(asker, ...)
  local reply, over, size = {'OK'}, {}, 0
  for _, key in ipairs({...}) do
    local till, value = string.match(redis.call('HGET', cached, key) or '', '^(%d*) (.*)$')
    if till and till ~= '' and tonumber(till) <= now then
      over[#over + 1], value = key, nil
    elseif till then
      note_use(key, asker, 'cache_hits')
    end
    reply[#reply + 1] = value or false
    size = size + #(value or '')
    if size >= 1000000 then break end
  end
  forget_cached(over)
  return reply
end
