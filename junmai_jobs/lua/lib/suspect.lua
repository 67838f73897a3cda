-- include: suspects
local suspects_kept = 10000

local function forget_oldest_suspects()
  local surplus = math.min(100, redis.call('ZCARD', suspected) - suspects_kept)
  if surplus <= 0 then return end
  for _, input_id in ipairs(redis.call('ZRANGE', suspected, 0, surplus - 1)) do
    forget_suspect(input_id)
  end
end

-- The process of a run has died. detail names what it worked on, if that is known.
local function suspect(id, token, detail)
  local input_id = input_in(detail)
  if not input_id then return end
  local deaths = deaths_of(input_id)
  for _, line in ipairs(deaths) do
    if string.match(line, '^%d+') == token then return end
  end
  local cause = string.match(detail, '"signal":"([%w +-]+)')
    or 'exit code ' .. (string.match(detail, '"exit_code":(%d+)') or '?')
  deaths[#deaths + 1] = token .. ' ' .. id .. ' ' .. cause
  redis.call('ZADD', suspected, now, input_id)
  redis.call('HSET', suspects, input_id, table.concat(deaths, '\n', math.max(1, #deaths - deaths_allowed + 1)))
  forget_oldest_suspects()
end
