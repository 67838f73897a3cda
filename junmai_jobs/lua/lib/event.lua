-- include: now
local known_meta

-- The token last given and the time until which somebody listens, as they were when this call first asked.
local function meta_now()
  known_meta = known_meta or redis.call('HMGET', meta, 'token', 'listened')
  return known_meta
end

local function add_event(word, id, queue)
  redis.call('XADD', event_stream, 'MAXLEN', '~', 10000, '*', 'word', word, 'id', id, 'queue', queue)
end

-- One change of a job, told to those who listen, if anybody does; of a lane its queue is told.
local function note_event(word, id, lane)
  local till = meta_now()[2]
  if till and (tonumber(till) or 0) > now then add_event(word, id, string.match(lane, '^[^+]*')) end
end
