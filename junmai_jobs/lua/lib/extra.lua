-- One of the extras in a body's first line (body.lua), or nil.
local function extra(extras, name)
  return extras and string.match(';' .. extras, ';' .. name .. '=([^;]*)')
end
