-- reprioritize: the job changes its band and keeps its place in line; for any job that has not finished. One that
-- somebody has looked at has the place again that it had before.
-- replies: OK | STATE, word | NOTFOUND
-- include: looks
local function reprioritize(id, priority)
  return give_priority(id, priority)
end
