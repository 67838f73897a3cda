-- listen: changes are noted in the stream of events for an hour from now on.
-- If nobody listened just before, a `gap` entry goes first: a reader with an older cursor has missed changes.
-- replies: OK, cursor of the newest entry
-- include: add_event
local function listen()
  local till = tonumber(redis.call('HGET', meta, 'listened'))
  if not till or till <= now or redis.call('EXISTS', event_stream) == 0 then add_event('gap', '', '') end
  redis.call('HSET', meta, 'listened', string.format('%.0f', now + 3600000))
  return {'OK', redis.call('XREVRANGE', event_stream, '+', '-', 'COUNT', 1)[1][1]}
end
