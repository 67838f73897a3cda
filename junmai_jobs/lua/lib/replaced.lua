-- include: unique
-- Has a job the content of another with its unique key by now? extras: of the body it was submitted with.
local function replaced(known, extras)
  local key, _, _, keep = unique_of(extras_in(known))
  return keep == 'last' and key == unique_of(extras)
end
