-- A ready score is (10 - priority) * 2^42 + sequence: exact in a double, lower is served first.
local band_width = 4398046511104
local bounds = {} -- by band, once made

-- The bound of a band, below which there are only better ones.
local function bound_of(band)
  local bound = bounds[band] or '(' .. string.format('%.0f', band * band_width)
  if band >= 0 and band < 12 then bounds[band] = bound end
  return bound
end

local function better_than(score)
  return bound_of(math.floor(score / band_width))
end
