-- include: holders, saved
-- What a run holds is noted, behind the mark of a checkpoint if there was one. The holds for its state.
local function hold(id, holds, before)
  for each in string.gmatch(holds, '[^;]+') do redis.call('ZADD', holders, 0, member_of(each, id)) end
  if string.sub(before, 1, 1) ~= saved then return holds end
  return saved .. (holds ~= '' and ';' or '') .. holds
end
