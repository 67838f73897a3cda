-- claim: ready -> running, the first job of the highest band among the queues given, with a new fencing token.
-- lease in ms; woken: 1 after a ring; least: no lower priority is taken; ...: queues, a tie goes to the first named.
-- replies: JOB, id, token, body, failures, note, holds | EMPTY, ms | WAIT, ms | NEWER, queue
-- include: claim_next
local function claim(claimer, request, lease, woken, least, ...)
  local record = read_record(claimer)
  local again = record and recall(record, request, lease)
  return again or claim_next(claimer, request, lease, woken, least, {...}, '')
end
