-- include: holders, checkpoint_mark
-- Notes what a run takes. Returns the holds for its state: the checkpoint mark it had, if any, then these.
local function hold(id, holds, before)
  for each in string.gmatch(holds, '[^;]+') do redis.call('ZADD', holders, 0, member_of(each, id)) end
  if string.sub(before, 1, 1) ~= checkpoint_mark then return holds end
  return checkpoint_mark .. (holds ~= '' and ';' or '') .. holds
end
