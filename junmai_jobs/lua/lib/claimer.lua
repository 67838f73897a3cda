-- A claimer holds one lease, or a few that it has claimed ahead. Its record is its last request and what that gave:
-- request|id|token|answer, then, if it has claimed ahead, | and the others: id token id token.
-- A request is GENERATION.NUMBER, the generation being one process in the claimer's slot.
local function record_in(text)
  local request, id, token, answer, ahead = string.match(text or '', '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|?([^|]*)$')
  return request and {request = request, id = id, token = token, answer = answer, ahead = ahead}
end

local function read_record(claimer)
  return record_in(redis.call('HGET', claimers, claimer))
end

local function write_record(claimer, request, id, token, answer, ahead)
  local text = request .. '|' .. id .. '|' .. token .. '|' .. answer
  redis.call('HSET', claimers, claimer, ahead and text .. '|' .. ahead or text)
end
