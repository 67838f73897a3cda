-- Of a set that is read by name: the bounds of the entries that begin with a name and a blank (! follows it).
local function range_of(name)
  return '[' .. name .. ' ', '(' .. name .. '!'
end
