-- include: now
-- Every call begins here. Functions and names stay in the server from call to call; what is true of one call only is in
-- now, now_us and learnt, which begin anew.
local now_us, now -- the clock, read once a call and nowhere else: microseconds and milliseconds since 1970
local learnt -- what this call has learnt so far

local function begin(namespace)
  name_keys(namespace)
  now_us = read_clock()
  now = math.floor(now_us / 1000)
  learnt = {}
end
