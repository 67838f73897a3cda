-- include: body
local function extras_in(body)
  local _, _, _, _, _, extras = read_header(body)
  return extras
end

-- One of the extras in a body's first line (body.lua), or nil.
local function extra(extras, name)
  return extras and string.match(';' .. extras, ';' .. name .. '=([^;]*)')
end
