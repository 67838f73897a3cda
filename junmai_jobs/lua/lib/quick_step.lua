-- include: queue_keys, state, meta, claimer, claim_next, look_at, names_in, band
-- The step of most jobs, in fewer commands: a plain run has succeeded, nothing is paused, has children or is listened
-- to, and the next job never ran and needs no more than a place. Nil where any of that is not so: nothing is done then.
local function quick_step(claimer, request, lease, lanes, id, token, result, ttl)
  read_meta()
  if learnt.listened or is_special() then return nil end
  local lane, head, score = best_head(names_in(lanes))
  if not lane or string.find(lane, '+', 1, true) or not is_place(score) then return nil end
  local texts, body = redis.call('HMGET', states, id, head), redis.call('HGET', bodies, head)
  local version, extras, readable, expired = look_at(head, body)
  if texts[2] or extras or expired or not readable or version > schema_version then return nil end
  local success, lane_before = plain_success(texts[1], token, claimer)
  if not success then return nil end
  local fresh = digits(next_token())
  if result ~= '' then redis.call('HSET', results, id, result) end
  if ttl ~= '' then redis.call('ZADD', expiring, digits(now + ttl), id) end
  redis.call('ZADD', succeeded, now_text, id)
  redis.call('ZADD', queue_key(lane, 'leases'), digits(now + lease), head)
  redis.call('HSET', states, id, success, head, first_run(lane, score, fresh, claimer))
  redis.call('HSET', meta, 'token', fresh)
  write_record(claimer, request, head, fresh, 'OK')
  redis.call('ZREM', queue_key(lane_before, 'leases'), id)
  redis.call('ZREM', queue_key(lane, 'ready'), head)
  return {'OK', 'JOB', head, fresh, body, ''}
end
