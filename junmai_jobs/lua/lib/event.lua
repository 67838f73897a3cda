-- include: meta, add_event
-- Tell those who listen, if anybody does, of a submission, a start or an end; or of a worker, with a detail.
local function note_event(word, id, lane, detail)
  read_meta()
  if learnt.listened then add_event(word, id, lane, detail) end
end
