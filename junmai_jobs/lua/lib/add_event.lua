-- include: lane
-- An event names the queue, not the lane; id may be several, separated by blanks.
local function add_event(word, id, lane)
  redis.call('XADD', event_stream, 'MAXLEN', '~', 10000, '*', 'word', word, 'id', id, 'queue', queue_of(lane))
end
