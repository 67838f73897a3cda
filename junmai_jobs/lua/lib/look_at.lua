-- include: body
-- What of a job's body and id a claim goes by: its version, extras and whether it is readable and has expired.
local function look_at(id, body)
  local version, _, _, created, expires, extras = read_header(body)
  -- Nor is a job of ours what no process could be told of.
  local readable = version and #id <= 128 and not (string.find(id, '%W') and string.find(id, '[^%w._:/-]'))
  return version, extras, readable, expires and created and created + expires <= now
end
