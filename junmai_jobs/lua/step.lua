-- step: end one job and claim the next in one call; either half may be absent.
-- queue_count: how many of ... are queues to claim from; then the ending verb and its arguments, if any.
-- replies: the ending's word or empty, then the reply of claim or NOTHING when no queue was given
-- include: claim, succeed, retry, fail, defer, confirm_cancel
local endings = {succeed = succeed, retry = retry, fail = fail, defer = defer, confirm_cancel = confirm_cancel}

local function step(claimer, request, lease, woken, queue_count, ...)
  local rest, names = {...}, {}
  for index = 1, queue_count do names[index] = rest[index] end
  local record = read_record(claimer)
  local again = replay(record, request, lease)
  if again then return {record.answer, unpack(again)} end

  local ending, id = rest[queue_count + 1], rest[queue_count + 2]
  local word = ''
  if ending then word = endings[ending](unpack(rest, queue_count + 2))[1] end
  if queue_count == '0' then return {word, 'NOTHING'} end
  if not (word == 'OK' and record and record.id == id) then
    local held = held_state(record)
    if held then hand_back(record.id, held) end
  end
  return {word, unpack(claim_next(claimer, request, lease, woken, names, word))}
end
