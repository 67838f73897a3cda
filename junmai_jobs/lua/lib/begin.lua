-- include: now
-- Every call begins here. Functions and names stay in the server from call to call; what is true of one call only is in
-- these, which begin anew.
local now_us, now = 0, 0 -- the clock, read once a call and nowhere else: microseconds and milliseconds since 1970
local now_text = '' -- the same as now, for commands
local learnt = {} -- what this call has found out so far

-- A time or token as text, for commands and states. The server's own way from a number of this size to text takes a
-- hundred times as long as a sum.
local function digits(number)
  return string.format('%d%06d', number / 1000000, number % 1000000)
end

local function begin(namespace)
  name_keys(namespace)
  now_us = read_clock()
  now = math.floor(now_us / 1000)
  now_text = digits(now)
  for name in pairs(learnt) do learnt[name] = nil end
end
