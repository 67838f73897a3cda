-- acquit: nothing is held against an input any more, since a run on it has ended well.
-- replies: OK
-- include: suspects
local function acquit(input)
  forget_suspect(input)
  return {'OK'}
end
