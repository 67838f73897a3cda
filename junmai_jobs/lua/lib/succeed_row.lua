-- include: queue_keys, state, meta
-- Several runs of a claimer have succeeded: each key is written once. list: for each the word succeed and its
-- arguments. Nil, and nothing is done, where one of them is not plain, see plain_success, they are of several lanes, or
-- somebody has to be told. learnt.ended_row: token and ahead of the claimer's record, if it held
-- just these.
local function succeed_row(claimer, list)
  read_meta()
  if learnt.listened or is_special() then return nil end
  local ids, ahead = {}, {}
  for at = 1, #list, 5 do
    if list[at] ~= 'succeed' then return nil end
    ids[#ids + 1] = list[at + 1]
    if at > 1 then ahead[#ahead + 1] = list[at + 1] .. ' ' .. list[at + 2] end
  end
  local known, lane = redis.call('HMGET', states, unpack(ids)), nil
  local finished, written, kept, forgotten = {}, {}, {}, {}
  for index, id in ipairs(ids) do
    local token, result, ttl = unpack(list, 5 * index - 2, 5 * index)
    local success, lane_before = plain_success(known[index], token, claimer)
    lane = lane or lane_before
    if not success or lane_before ~= lane then return nil end
    finished[2 * index - 1], finished[2 * index] = now_text, id
    written[2 * index - 1], written[2 * index] = id, success
    if result ~= '' then kept[#kept + 1], kept[#kept + 2] = id, result end
    if ttl ~= '' then forgotten[#forgotten + 1], forgotten[#forgotten + 2] = digits(now + ttl), id end
  end
  if kept[1] then redis.call('HSET', results, unpack(kept)) end
  if forgotten[1] then redis.call('ZADD', expiring, unpack(forgotten)) end
  redis.call('ZADD', succeeded, unpack(finished))
  redis.call('HSET', states, unpack(written))
  redis.call('ZREM', queue_key(lane, 'leases'), unpack(ids))
  learnt.ended_row = {token = list[3], ahead = table.concat(ahead, ' ')}
  return 'OK' .. string.rep(' OK', #ids - 1)
end
