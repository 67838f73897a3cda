-- The newest whole lines of a text that fit into so many bytes; nothing where not even the last does.
local function newest_lines(text, limit)
  if #text <= limit then return text end
  return string.sub(text, string.find(text, '\n', #text - limit, true) + 1)
end
