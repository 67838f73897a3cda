-- What most calls need to know, as it was when this call first asked: learnt.last_token, the token last given;
-- learnt.listened, whether somebody listens to events.
local function read_meta()
  if learnt.listened == nil then
    local fields = redis.call('HMGET', meta, 'token', 'listened')
    learnt.last_token, learnt.listened = fields[1], (tonumber(fields[2]) or 0) > now
  end
end

-- Whether anything is paused, or has children.
local function is_special()
  if learnt.special == nil then learnt.special = redis.call('EXISTS', paused, children) > 0 end
  return learnt.special
end
