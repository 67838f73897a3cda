-- include: now
-- The fields of meta that most calls need, as they were when this call first asked.
local last_token, listened -- the token last given; whether somebody listens to events

local function read_meta()
  if listened == nil then
    local known = redis.call('HMGET', meta, 'token', 'listened')
    last_token, listened = known[1], (tonumber(known[2]) or 0) > now
  end
end
