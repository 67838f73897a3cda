-- The names in a text, separated by blanks. Most calls name the same: such lists are kept, and never changed.
local lists, lists_kept = {}, 0

local function names_in(text)
  local names = lists[text]
  if names then return names end
  names = {}
  for name in string.gmatch(text, '%S+') do names[#names + 1] = name end
  if lists_kept == 100 then lists, lists_kept = {}, 0 end
  lists[text], lists_kept = names, lists_kept + 1
  return names
end
