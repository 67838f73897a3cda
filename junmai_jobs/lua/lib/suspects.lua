-- An input, "TASK VERSION DIGEST", is suspect when the process of a run that worked on it has died, and quarantined
-- after three such runs with none between that ended well: lines of "token id cause", newest last. By its token a run
-- counts once; what cannot be read does not count.
local deaths_allowed = 3

local function deaths_of(input_id)
  local deaths = {}
  for line in string.gmatch(redis.call('HGET', suspects, input_id) or '', '[^\n]+') do
    if string.find(line, '^%d+ %S+ .') then deaths[#deaths + 1] = line end
  end
  return deaths
end

-- The last input that the details of ended runs name: no text within their JSON can look like this.
local function input_in(details)
  return string.match(details, '^.*"input":"([^"]+)"')
end

local function forget_suspect(input_id)
  redis.call('HDEL', suspects, input_id)
  redis.call('ZREM', suspected, input_id)
end
