-- A state is text: word|queue|score|token|failures|crashes|claimer|request|holds|note
--   word      ready, scheduled, retrying, blocked, running, succeeded, failed or cancelled: its home
--   queue     the lane it is in (lane.lua)
--   score     the ready score it was last claimed or parked with; empty if it never was
--   token     fencing token of the run that holds it, or that ended it; empty when a run was taken back
--   failures  retries spent; crashes: runs lost to a dead or silent worker
--   request   the last cancel or revive a person made, so that the same call twice has one answer
--   holds     running: what it takes of limits and machines; blocked: the limit whose room it waits for, empty if
--             it waits for parents; in any other word it means nothing. A leading # tells in every word that a
--             checkpoint is kept (checkpoint_mark.lua)
--   note      running: "cancel" when asked for, "ahead" if it was claimed together with others; blocked: the delay
--             (ms) that follows its parents; finished: the reason; else what the last deferral left
-- One that cannot be read counts as none, and so does one that runs or is parked without a score: the home a job is
-- found in is the truth.
local state_words = {
  ready = true, scheduled = true, retrying = true, blocked = true, running = true,
  succeeded = true, failed = true, cancelled = true,
}

local function state_in(text)
  local word, queue, score, token, failures, crashes, claimer, request, holds, note =
    string.match(text or '',
      '^(%a+)|([^|]*)|(%d*)|(%d*)|(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  if not state_words[word] or #score > 17 or #token > 20 or #failures > 9 or #crashes > 9 then return nil end
  if score == '' and (word == 'running' or (word == 'blocked' and holds ~= '')) then return nil end
  return {
    word = word, queue = queue, score = score, token = token, failures = failures,
    crashes = crashes, claimer = claimer, request = request, holds = holds, note = note,
  }
end

local function read_state(id)
  return state_in(redis.call('HGET', states, id))
end

local function text_of(state)
  return state.word .. '|' .. state.queue .. '|' .. state.score .. '|' .. state.token .. '|' .. state.failures .. '|' ..
    state.crashes .. '|' .. state.claimer .. '|' .. state.request .. '|' .. state.holds .. '|' .. state.note
end

local function write_state(id, state)
  redis.call('HSET', states, id, text_of(state))
end

-- Two states that most jobs have, without the work of a table. Of the first run of a job that holds nothing:
local function first_run(lane, score, token, claimer)
  return 'running|' .. lane .. '|' .. score .. '|' .. token .. '|0|0|' .. claimer .. '|||'
end

-- And of a claimer's run, once it has succeeded, with its lane. Of one that holds something, or that somebody has asked
-- for something, nil. All behind claimer||| is the note, which ends with the run.
local function plain_success(text, token, claimer)
  local lane_ends = text and string.sub(text, 1, 8) == 'running|' and string.find(text, '|', 9, true)
  local ours = lane_ends and string.find(text, '|' .. token .. '|', lane_ends, true)
  local tail = ours and string.find(text, '|' .. claimer .. '|||', ours, true)
  if not tail then return nil end
  return 'succeeded' .. string.sub(text, 8, tail + #claimer + 3), string.sub(text, 9, lane_ends - 1)
end

-- The state of a job that was never claimed.
local function new_state(word, queue)
  return {
    word = word, queue = queue, score = '', token = '', failures = '0',
    crashes = '0', claimer = '', request = '', holds = '', note = '',
  }
end
