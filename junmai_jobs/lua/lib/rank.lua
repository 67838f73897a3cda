-- include: queue_keys, waiting, score, move_parked
-- A job that has not finished gets a priority, and places in line: place_of tells by the place it has, '' for none,
-- which it gets, '' for none.
local function rank(id, priority, place_of)
  local state, body = known_state(id)
  if not state then return {'NOTFOUND'} end
  if state.word ~= 'running' and not is_waiting[state.word] then return {'STATE', state.word} end
  local home = state.word == 'ready' and queue_key(state.queue, 'ready')
  local place = not (home and state.score == '') and place_of(state.score) or ''
  if place ~= '' and state.word == 'blocked' and state.holds ~= '' then
    move_parked(id, state, place)
  elseif place ~= '' then
    state.score = place
    write_state(id, state)
  end
  if home then redis.call('ZADD', home, place_of(redis.call('ZSCORE', home, id)), id) end
  -- Last: of a job without a place only this tells what its priority was, should half of it be done again.
  redis.call('HSET', bodies, id, (string.gsub(body, '^([^|\n]*|)%d+', '%1' .. priority, 1)))
  return {'OK'}
end
