-- How one that waits for room in a limit stands in the line of its like.
local function parked_entry(key, score, id)
  return key .. ' ' .. string.format('%016.0f', score) .. ' ' .. id
end
