-- A list without one of its names.
local function without(names, name)
  local rest = {}
  for _, each in ipairs(names) do
    if each ~= name then rest[#rest + 1] = each end
  end
  return rest
end
