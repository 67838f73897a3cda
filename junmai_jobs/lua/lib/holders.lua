-- include: state, range_of
-- What running jobs hold, by name: "KEY ID" of a limit, "@POOL ID amounts" of a machine. A state's holds are the same
-- without the id: KEY or @POOL,amounts, separated by ;.
local function member_of(hold, id)
  local key, amounts = string.match(hold, '^([^,]*),?(.*)$')
  return key .. ' ' .. id .. (amounts ~= '' and ' ' .. amounts or '')
end

-- Those of a key, all or so many from a place on, without any that a torn log has left behind: these are removed.
local function true_holders(key, first, count)
  local low, high = range_of(key)
  local found = {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', holders, low, high, 'LIMIT', first or 0, count or 1000)) do
    local state = read_state(string.match(member, ' (%S+)'))
    local holds = state and state.word == 'running' and ';' .. state.holds .. ';' or ''
    if string.find(holds, ';' .. key .. ';', 1, true) or string.find(holds, ';' .. key .. ',', 1, true) then
      found[#found + 1] = member
    else
      redis.call('ZREM', holders, member)
    end
  end
  return found
end
