-- claim: ready -> running, the first job of the highest band among the queues given, with a new fencing token.
-- lease in ms; woken: 1 after a ring; least: no lower priority is taken; lanes: separated by blanks; the first named
-- wins a tie.
-- replies: JOB, id, token, body, failures|holds|note or '' | EMPTY, ms | WAIT, ms | NEWER, queue
-- include: claim_next, names_in
local function claim(claimer, request, lease, woken, least, lanes)
  local record = read_record(claimer)
  return record and replay(record, request, lease) or claim_next({
    claimer = claimer, request = request, lease = lease, woken = woken, least = least, ahead = '1', answer = '',
  }, names_in(lanes))
end
