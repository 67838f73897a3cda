-- acquit: nothing is held against an input any more, since a run on it has ended well.
-- replies: OK
-- include: suspects
local function acquit(input_id)
  forget_suspect(input_id)
  return {'OK'}
end
