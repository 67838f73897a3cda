-- include: lane
-- Of a lane its queue is told.
local function add_event(word, id, lane)
  redis.call('XADD', event_stream, 'MAXLEN', '~', 10000, '*', 'word', word, 'id', id, 'queue', queue_of(lane))
end
