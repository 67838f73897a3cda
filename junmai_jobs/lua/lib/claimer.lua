-- A claimer holds one lease. Its record is its last request and what that gave: request|id|token|answer.
-- A request is GENERATION.NUMBER, the generation being one process in the claimer's slot.
local function record_in(text)
  local request, id, token, answer = string.match(text or '', '^([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return request and {request = request, id = id, token = token, answer = answer}
end

local function read_record(claimer)
  return record_in(redis.call('HGET', claimers, claimer))
end

local function write_record(claimer, request, id, token, answer)
  redis.call('HSET', claimers, claimer, request .. '|' .. id .. '|' .. token .. '|' .. answer)
end
