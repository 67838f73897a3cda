-- purge: waiting, blocked -> cancelled (reason purged); one queue, the homes given, 20 jobs a call.
-- replies: OK, count | MORE, count
-- include: queue_keys, waiting, finish
local most = 20

local function purge_job(id, home, queue, word)
  local body = redis.call('HGET', bodies, id)
  local state = body and (read_state(id) or waiting_state(id, body) or new_state(word, queue))
  if state and state.word == word then finish(id, state, 'cancelled', 'purged') end
  redis.call('ZREM', home, id)
end

-- The answer is kept under the request, so that a repeated call counts nothing twice.
local function answer(request, word, count)
  redis.call('HSET', meta, 'purged', request .. '|' .. word .. '|' .. count)
  return {word, count}
end

local function purge(request, queue, ...)
  local kept, word, count = string.match(redis.call('HGET', meta, 'purged') or '', '^(.*)|(%a+)|(%d+)$')
  if kept == request then return {word, count} end
  local left = most
  for _, kind in ipairs({...}) do
    local home = queue_key(queue, kind)
    local ids = redis.call('ZRANGE', home, 0, left - 1)
    for _, id in ipairs(ids) do purge_job(id, home, queue, kind) end
    left = left - #ids
    if left == 0 then return answer(request, 'MORE', string.format('%.0f', most)) end
  end
  return answer(request, 'OK', string.format('%.0f', most - left))
end
