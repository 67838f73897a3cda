-- include: now
-- seldom: add_event
local last_token, listened -- the token last given, and whether somebody listens, once this call has asked

local function read_meta()
  if listened == nil then
    local known = redis.call('HMGET', meta, 'token', 'listened')
    last_token, listened = known[1], (tonumber(known[2]) or 0) > now
  end
end

-- One change of a job, told to those who listen, if anybody does.
local function note_event(word, id, lane)
  read_meta()
  if listened then seldom().add_event(word, id, lane) end
end
