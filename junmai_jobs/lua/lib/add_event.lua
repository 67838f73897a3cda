-- include: lane
-- An event names the queue, not the lane; id may be several, separated by blanks. Most have no detail.
local function add_event(word, id, lane, detail)
  local fields = {'word', word, 'id', id, 'queue', queue_of(lane)}
  if detail then fields[7], fields[8] = 'detail', detail end
  redis.call('XADD', event_stream, 'MAXLEN', '~', 10000, '*', unpack(fields))
end
