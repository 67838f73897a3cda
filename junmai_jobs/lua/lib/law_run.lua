-- include: claimer, hand_back, holders, checkpoint_mark, law_home
-- A run can be ended and renewed, and what it takes of limits and machines is noted.
local examine_run

do -- what only this file needs
local function names_run(record, id, token)
  if record.id == id and record.token == token then return true end
  return string.find(' ' .. record.ahead .. ' ', ' ' .. id .. ' ' .. token .. ' ', 1, true) ~= nil
end

-- The claimer goes by its record. One that was lost is made of its leases, in the order of their tokens; its request
-- is not known any more, so that the next call takes it for an older one.
local function restore_record(claimer, record, id, token)
  local runs = {{id, token}}
  if record then
    if record.id ~= '' and tonumber(record.token) then runs[2] = {record.id, record.token} end
    for other, given in string.gmatch(record.ahead, '(%S+) (%d+)') do runs[#runs + 1] = {other, given} end
  end
  table.sort(runs, function(one, other) return tonumber(one[2]) < tonumber(other[2]) end)
  local ahead = {}
  for index = 2, #runs do ahead[index - 1] = runs[index][1] .. ' ' .. runs[index][2] end
  write_record(claimer, '', runs[1][1], runs[1][2], '', ahead[1] and table.concat(ahead, ' '))
end

local function take_from_nobody(job, state)
  state.score = score_in('ready', job, state)
  hand_back(job.id, state)
end

function examine_run(job, state)
  local id, claimer, token = job.id, state.claimer, state.token
  if claimer == '' or token == '' then
    local seen = 'is leased, but its state names no ' .. (claimer == '' and 'claimer' or 'token')
    if breaks('lease', id, seen) then take_from_nobody(job, state) end
    return
  end
  local record = read_record(claimer)
  if not record or not names_run(record, id, token) then
    local forgotten = record and record.request ~= ''
    local seen = 'is leased to ' .. claimer .. (forgotten and ', which has other jobs' or ', of which nothing is known')
    if breaks('lease', id, seen) then
      if forgotten then return take_from_nobody(job, state) end
      restore_record(claimer, record, id, token)
    end
  end
  for held in string.gmatch(state.holds, '[^;]+') do
    local member = member_of(held, id)
    if held ~= checkpoint_mark and not redis.call('ZSCORE', holders, member) then
      if breaks('holder', id, 'runs and holds ' .. held .. ', which is not noted') then
        redis.call('ZADD', holders, 0, member)
      end
    end
  end
end
end
