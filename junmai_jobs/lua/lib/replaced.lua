-- include: body, unique
-- Has a job the content of another with its unique key by now? extras: of the body it was submitted with.
local function replaced(known, extras)
  local _, _, _, _, _, others = read_header(known)
  local key, _, _, keep = unique_of(others)
  return keep == 'last' and key == unique_of(extras)
end
