-- reprioritize: the job changes its band and keeps its place in line; for any job that has not finished.
-- replies: OK | STATE, word | NOTFOUND
-- include: queue_keys, waiting, score, move_parked
local function moved(score, priority)
  return ready_score(priority, score - math.floor(score / band_width) * band_width)
end

local function reprioritize(id, priority)
  local body = redis.call('HGET', bodies, id)
  if not body then return {'NOTFOUND'} end
  local state = read_state(id)
  local waiting = state or waiting_state(id, body)
  if not waiting then return {'NOTFOUND'} end
  if waiting.word ~= 'running' and not is_waiting[waiting.word] then return {'STATE', waiting.word} end
  redis.call('HSET', bodies, id, (string.gsub(body, '^([^|\n]*|)%d+', '%1' .. priority, 1)))
  if state and state.score ~= '' then
    local score = moved(state.score, priority)
    if state.word == 'blocked' and state.holds ~= '' then
      move_parked(id, state, score)
    else
      state.score = score
      write_state(id, state)
    end
  end
  if waiting.word == 'ready' then
    local home = queue_key(waiting.queue, 'ready')
    redis.call('ZADD', home, moved(redis.call('ZSCORE', home, id), priority), id)
  end
  return {'OK'}
end
