-- step: end jobs and claim the next in one call; either half may be absent.
-- lanes: as of claim, empty: claim nothing; ahead: claim up to so many, the others only if they never ran, need
-- no limit or machine, and come right after the first in its lane and band.
-- ...: for each job that ends the verb and its arguments.
-- replies: the endings' words, separated by blanks, then the reply of claim, with four values for each job, or NOTHING
-- include: claim_next, names_in, quick_step, succeed_row, succeed, retry, fail, defer, step_aside, confirm_cancel
local endings = {
  succeed = {succeed, 4}, retry = {retry, 4}, fail = {fail, 4}, defer = {defer, 5}, step_aside = {step_aside, 2},
  confirm_cancel = {confirm_cancel, 3},
}

local function end_all(list)
  local words, first = nil, 1
  while list[first] do
    local verb, width = unpack(endings[list[first]])
    local word = verb(unpack(list, first + 1, first + width))[1]
    words, first = words and words .. ' ' .. word or word, first + width + 1
  end
  return words or ''
end

-- One success and one plain claim: quick_step sees whether the jobs are plain, too.
local function is_usual(woken, least, lanes, ahead, list)
  return ahead == '1' and woken == '0' and least == '0' and lanes ~= '' and list[1] == 'succeed' and not list[6]
end

local function step(claimer, request, lease, woken, least, lanes, ahead, ...)
  local list = {...}
  if is_usual(woken, least, lanes, ahead, list) then
    local reply = quick_step(claimer, request, lease, lanes, select(2, ...))
    if reply then return reply end
  end
  local words = list[6] and succeed_row(claimer, list) or end_all(list)
  -- Unless this very call ended its claimer's only lease it may be a repeated one, or the claimer has forgotten jobs.
  -- With ahead 1 it is the only one: all that was claimed ahead before has ended in the same call.
  local asks = lanes ~= '' and (learnt.ended_for ~= claimer or ahead ~= '1')
  local record = asks and read_record(claimer)
  local reply = record and replay(record, request, lease)
  if reply then
    if words ~= '' and record.request == request then words = record.answer end
  elseif lanes == '' then
    reply = {'NOTHING'}
  else
    reply = claim_next({
      claimer = claimer, request = request, lease = lease, woken = woken, least = least, ahead = ahead, answer = words,
    }, names_in(lanes))
  end
  table.insert(reply, 1, words)
  return reply
end
