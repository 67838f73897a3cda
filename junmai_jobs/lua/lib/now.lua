-- The server's clock, read once a call and nowhere else. Milliseconds since 1970; now_us in microseconds.
local clock = redis.call('TIME')
local now_us = clock[1] * 1000000 + clock[2]
local now = math.floor(now_us / 1000)
