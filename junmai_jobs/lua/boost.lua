-- boost: somebody looks at jobs: they get the highest priority and come first of all, in the order given; one that runs
-- does so should it come back. That holds for the last hundred that were looked at. 50 jobs a call.
-- replies: OK, for each the home it is in, empty if there is no such job
-- include: look_at_jobs, homes
local function boost(...)
  local reply, jobs = {'OK'}, {}
  local kept, by_id = looks_so_far()
  local first = kept[1] and kept[1].place or half_band
  for index, id in ipairs({...}) do
    local state = known_state(id)
    reply[index + 1] = state and state.word or ''
    if state and not finished_home(state.word) then
      jobs[#jobs + 1] = {id = id, score = place_of_look(id, state), state = state, look = by_id[id]}
      -- An import brings places, and nothing of who looked.
      local head = redis.call('ZRANGE', queue_key(state.queue, 'ready'), 0, 0, 'WITHSCORES')[2] or ''
      if is_look(head) then first = math.min(first, head) end
    end
  end
  local are_first = true
  for _, job in ipairs(jobs) do are_first = are_first and job.look and job.look.place - first < #jobs end
  if not are_first then first = first - #jobs end
  for index, job in ipairs(jobs) do look_at_job(job, first + index - 1) end
  forget_earlier_looks()
  return reply
end
