-- include: state, homes, event, tell_children, forget_parked

-- Into a finished home; the caller removes the job from where it was, last. Once its state says that it has
-- finished nobody ends it again, so its children are seen to before.
local function finish(id, state, word, note)
  redis.call('ZADD', finished_home(word), now_text, id)
  if is_special() then tell_children(id) end
  if state.word == 'blocked' and state.holds ~= '' then forget_parked(id, state) end
  state.word, state.note = word, note
  write_state(id, state)
  note_event(word, id, state.queue)
end
