-- include: children, bell
-- resolve will tell the children of a job that finishes; a supervisor is rung.
local function tell_children(id)
  if has_children(id) then
    redis.call('ZADD', ended, now, id)
    ring(alarm)
  end
end
