-- include: state
-- A claimer holds one lease. Its record is its last request and what that gave: request|id|token|answer.
-- A request is GENERATION.NUMBER, the generation being one process in the claimer's slot.
local function read_record(claimer)
  local record = redis.call('HGET', claimers, claimer)
  if not record then return nil end
  local request, id, token, answer = string.match(record, '^([^|]*)|([^|]*)|([^|]*)|(.*)$')
  return {request = request, id = id, token = token, answer = answer}
end

local function write_record(claimer, request, id, token, answer)
  redis.call('HSET', claimers, claimer, request .. '|' .. id .. '|' .. token .. '|' .. answer)
end

-- The state of the job whose lease the record stands for, or nil when that lease is over.
local function held_state(record)
  if not record or record.token == '' then return nil end
  local state = read_state(record.id)
  if state and state.word == 'running' and state.token == record.token then return state end
end

-- A worker's dead or stopping slot gives back what it holds: once a request, and only in its own generation.
local function give_up(claimer, request, return_job)
  local record = read_record(claimer)
  if not record then return {'NONE'} end
  if record.request == request then return {'OK', record.id, record.answer} end
  if string.match(record.request, '^%d+') ~= string.match(request, '^%d+') then return {'NONE'} end
  local state = held_state(record)
  if not state then return {'NONE'} end
  local home = return_job(record.id, state)
  write_record(claimer, request, record.id, '', home)
  return {'OK', record.id, home}
end
