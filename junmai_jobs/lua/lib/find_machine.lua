-- include: queue_keys, holders
local find_machine

do -- what only this file needs
-- A worker offers pools, one of its host and one of each card: {"pool": NAME, "ram_mb": 64000} or {"pool": NAME,
-- "gpu": 1, "vram_mb": 24000}. They are shared by all workers that offer the same. A lane's jobs take memory of a card
-- from one card, and of its gpu the same share if they do not say how much; all else from the host.
local function amounts_in(text)
  local amounts = {}
  for name, amount in string.gmatch(text, '([%w_]+)=([%d.e-]+)') do amounts[name] = tonumber(amount) end
  return amounts
end

local function offers_of(claimer)
  local info = redis.call('HGET', worker_info, string.match(claimer, '^[^/]*'))
  local readable, known = pcall(cjson.decode, info or '{}')
  return readable and type(known) == 'table' and known.offers or {}
end

local function kind_of(name)
  return (name == 'gpu' or name == 'vram_mb') and 'card' or 'host'
end

-- What a pool would give of the needs of a kind; nil if it is of another, or too small for ever.
local function share_of(offer, kind, needs)
  if kind ~= (offer.gpu and 'card' or 'host') then return nil end
  local share = {}
  for name, amount in pairs(needs) do
    if kind_of(name) == kind then
      if (tonumber(offer[name]) or 0) < amount then return nil end
      share[name] = amount
    end
  end
  if share.vram_mb and not share.gpu then share.gpu = share.vram_mb / offer.vram_mb end
  return next(share) and share
end

local function fits(offer, share, id)
  local left = {}
  for name in pairs(share) do left[name] = offer[name] + 0.000001 end
  for _, member in ipairs(true_holders('@' .. offer.pool)) do
    if string.match(member, ' (%S+)') ~= id then
      for name, amount in pairs(amounts_in(member)) do left[name] = (left[name] or 0) - amount end
    end
  end
  for name, amount in pairs(share) do
    if left[name] < amount then return false end
  end
  return true
end

local function hold_of(offer, share)
  local names, text = {}, '@' .. offer.pool
  for name in pairs(share) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do text = text .. ',' .. name .. '=' .. string.format('%.10g', share[name]) end
  return text
end

-- Which pools the head of a lane takes, as holds; nil if it cannot be had now. Then the pool that it waits for is
-- closed to whatever stands behind it in line, so that small needs never keep a large one waiting for ever.
function find_machine(lane, id, claimer, closed)
  local needs = amounts_in(string.match(lane, '+(.*)$'))
  local holds, waits, kinds = {}, false, {}
  for name in pairs(needs) do kinds[kind_of(name)] = true end
  for _, kind in ipairs({'card', 'host'}) do
    local taken, first
    for _, offer in ipairs(kinds[kind] and offers_of(claimer) or {}) do
      local share = share_of(offer, kind, needs)
      if share and not taken then
        first = first or offer.pool
        if not closed[offer.pool] and fits(offer, share, id) then taken = hold_of(offer, share) end
      end
    end
    if kinds[kind] and not taken then
      waits = true
      if first then closed[first] = true end
    end
    holds[#holds + 1] = taken
  end
  if waits then return nil end
  return table.concat(holds, ';')
end
end
