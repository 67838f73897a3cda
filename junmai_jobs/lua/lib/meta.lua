-- The fields of meta that most calls need, as they were when this call first asked: learnt.last_token, the token last
-- given; learnt.listened, whether somebody listens to events.
local function read_meta()
  if learnt.listened == nil then
    local fields = redis.call('HMGET', meta, 'token', 'listened')
    learnt.last_token, learnt.listened = fields[1], (tonumber(fields[2]) or 0) > now
  end
end
