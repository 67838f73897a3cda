-- The types of a lane's keys.
local lane_types = {
  ready = 'zset', scheduled = 'zset', retrying = 'zset', leases = 'zset', blocked = 'zset', bell = 'list',
}
