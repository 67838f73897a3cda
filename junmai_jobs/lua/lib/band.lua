-- A ready score is (10 - priority) * 2^42 + sequence: exact in a double, lower is served first. At priority 10 the
-- sequence counts from half of the band on: the billion places before that are for what somebody looks at (boost.lua).
local band_width = 4398046511104
local half_band, looks_width = 2199023255552, 1073741824
local bounds = {} -- by band, once made

-- The bound of a band, below which there are only better ones.
local function bound_of(band)
  local bound = bounds[band] or '(' .. string.format('%.0f', band * band_width)
  if band >= 0 and band < 12 then bounds[band] = bound end
  return bound
end

-- Whether a score is one. Any other was not put there by us, and a state that kept it could not be read again.
local function is_place(score)
  local place = score + 0
  return place >= 1 and place < 11 * band_width and place % 1 == 0
end

-- Whether it is the place of a job that somebody has looked at.
local function is_look(score)
  return score ~= '' and score + 0 >= half_band - looks_width and score + 0 < half_band
end

-- The sequence in a place in line; nil: it has none, as somebody has looked at the job.
local function sequence_in(score)
  if is_look(score) then return nil end
  return (score + 0 >= half_band and score + 0 < band_width) and score - half_band or score % band_width
end

local function better_than(score)
  return bound_of(math.floor(score / band_width))
end
