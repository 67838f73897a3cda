-- step: end one job and claim the next in one call; either half may be absent.
-- queue_count: how many of ... are queues to claim from; then the ending verb and its arguments, if any.
-- replies: the ending's word or empty, then the reply of claim or NOTHING when no queue was given
-- include: claim_next, succeed, retry, fail, defer, step_aside, confirm_cancel, recall
local endings = {
  succeed = succeed, retry = retry, fail = fail, defer = defer, step_aside = step_aside,
  confirm_cancel = confirm_cancel,
}

local function step(claimer, request, lease, woken, least, queue_count, ...)
  local rest, names, word = {...}, {}, ''
  for index = 1, queue_count do names[index] = rest[index] end
  local ending = rest[queue_count + 1]
  if ending then word = endings[ending](unpack(rest, queue_count + 2))[1] end
  -- Unless this very call ended its claimer's lease it may be a repeated one, or the claimer has forgotten a job.
  local record = learnt.ended_for ~= claimer and read_record(claimer)
  local again = record and recall(record, request, lease)
  if again then return {ending and record.request == request and record.answer or word, again} end
  if queue_count == '0' then return {word, {'NOTHING'}} end
  return {word, claim_next(claimer, request, lease, woken, least, names, word)}
end
