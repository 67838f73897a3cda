-- include: now
local listened

local function add_event(word, id, queue)
  redis.call('XADD', event_stream, 'MAXLEN', '~', 10000, '*', 'word', word, 'id', id, 'queue', queue)
end

-- One change of a job, told to those who listen, if anybody does; of a lane its queue is told.
local function note_event(word, id, lane)
  listened = listened or tonumber(redis.call('HGET', meta, 'listened') or '0')
  if listened > now then add_event(word, id, string.match(lane, '^[^+]*')) end
end
