-- What most calls need to know, as it was when this call first asked: learnt.last_token, the token last given;
-- learnt.listened, whether somebody listens to events; learnt.special, whether anything is paused, or has children.
local function read_meta()
  if learnt.listened == nil then
    local fields = redis.call('HMGET', meta, 'token', 'listened')
    learnt.last_token, learnt.listened = fields[1], (tonumber(fields[2]) or 0) > now
    learnt.special = redis.call('EXISTS', paused, children) > 0
  end
end
