-- include: unique
-- Whether a stored job may have taken a later submission's arguments (keep last), so that other content under its id
-- is no conflict. extras: of the body that is submitted.
local function replaced(known, extras)
  local key, _, _, keep = unique_of(extras_in(known))
  return keep == 'last' and key == unique_of(extras)
end
