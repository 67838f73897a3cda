-- include: queue_keys
-- What an import restores is staged under names of its own within the namespace, where no worker looks, until all of it
-- is there: then its keys get their names, in one call (adopt.lua).

-- What tells that a namespace is not empty. They are the last to get their names, and of these bodies the last: a job
-- exists while its body does, so that where a log is torn before that there is no job, and the import is made again.
local function telling_keys()
  return {cached, suspects, schedules, bodies}
end

local function other_keys()
  return {
    states, results, histories, progress_notes, checkpoints, log_lines, expiring, children, parents, needed, members,
    uniques, parked, starts, limits_due, suspected, cache_uses, ages, minutes, hours, ended, ticks,
    succeeded, failed, cancelled, queues,
  }
end

local function homes_of_lane(lane)
  local homes = {}
  for index, kind in ipairs({'ready', 'scheduled', 'retrying', 'leases', 'blocked'}) do
    homes[index] = queue_key(lane, kind)
  end
  return homes
end

-- One of these that is there, bodies before others; nil: the namespace is empty.
local function key_in_use()
  local found
  for _, key in ipairs(telling_keys()) do
    if redis.call('EXISTS', key) == 1 then found = key end
  end
  return found
end
