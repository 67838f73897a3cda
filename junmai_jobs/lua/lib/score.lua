-- include: body, band
-- count new sequence numbers; the first of them.
local function next_sequence(count)
  return redis.call('HINCRBY', meta, 'sequence', count) - count + 1
end

-- The server writes a number out in all its digits.
local function ready_score(priority, sequence)
  return (10 - priority) * band_width + (priority + 0 == 10 and half_band or 0) + sequence
end

-- Where a job comes into line: behind all others of its priority, but one that somebody looks at at its own place.
local function place_in(state, priority, sequence)
  return state and is_look(state.score) and state.score or ready_score(priority, sequence)
end

-- The band a job waits in: of its kept score, else of its body; an unreadable one is for claim to sort out.
local function priority_in(state, body)
  local _, priority
  if state and state.score ~= '' then
    priority = 10 - math.floor(state.score / band_width)
  else
    _, _, priority = read_header(body)
  end
  return math.max(0, math.min(10, tonumber(priority) or 5))
end

local function priority_of(id, state)
  return priority_in(state, (not state or state.score == '') and redis.call('HGET', bodies, id))
end
