-- revive: failed, cancelled -> ready, by a person; counts start again, history is kept. dependencies: those it was
-- submitted with; it is blocked until those of its parents that are kept have finished, and succeeded if they must.
-- force: nothing is held any more against what it has last worked on.
-- replies: OK | STATE, word | DUPLICATE, id | NOTFOUND
-- include: queue_keys, bell, score, state, waiting, own, block, event, checkpoint_mark, suspects
local function kept(dependencies)
  return (string.gsub(dependencies, '(%a+%+?=(%S+) ?)', function(token, parent)
    return redis.call('HEXISTS', bodies, parent) == 1 and token or ''
  end))
end

-- What has to start within a time of its submission has that time once more: else it would expire at once.
local function submitted_now(body)
  local frame, rest = string.match(body, '^(.[^|\n]*|%d+|)%d+(|%d+[^\n]*\n.*)$')
  return frame and frame .. now_text .. rest
end

local function revive(id, request, dependencies, force)
  local state, body = known_state(id)
  if not state then return {'NOTFOUND'} end
  -- Asked again: it may run since, or have failed once more.
  if state.request == request then return {'OK'} end
  local home = state.word ~= 'succeeded' and finished_home(state.word)
  if not home then return {'STATE', state.word} end
  local extras = extras_in(body)
  local key = unique_of(extras)
  local owner = key and owner_of(key)
  if owner and owner ~= id then return {'DUPLICATE', owner} end
  local renewed = submitted_now(body)
  if renewed then redis.call('HSET', bodies, id, renewed) end
  local worked_on = force == '1' and input_in(redis.call('HGET', histories, id) or '')
  if worked_on then forget_suspect(worked_on) end
  state.token, state.failures, state.crashes, state.claimer = '', '0', '0', ''
  state.request, state.holds, state.note = request, checkpoint_mark_of(id), ''
  redis.call('ZADD', queues, 0, state.queue) -- it may have been forgotten since, with nothing in it
  local awaited = kept(dependencies)
  if awaited ~= '' then
    block(id, state.queue, '0', awaited, state)
  else
    redis.call('ZADD', queue_key(state.queue, 'ready'), ready_score(priority_of(id, state), next_sequence(1)), id)
    state.word = 'ready'
    write_state(id, state)
  end
  own(id, extras)
  redis.call('HDEL', progress_notes, id)
  redis.call('ZREM', home, id)
  ring_queue(state.queue)
  note_event('submitted', id, state.queue)
  return {'OK'}
end
