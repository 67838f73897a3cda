-- Milliseconds. No worker asks for more, so that what is later is no time.
local longest_lease = 86400000
