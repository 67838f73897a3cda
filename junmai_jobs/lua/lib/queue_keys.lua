-- The only place where the name of a key is made from data.
-- kind: ready (score: priority and sequence), scheduled and retrying (due time), leases (end of the lease),
-- blocked (time of submission), each a zset of ids; bell, a list of at most one ring. A worker is a queue
-- named @WORKER with one key, control: a list of at most one ring, on which its supervisor blocks.
local made, made_of, made_count = {}, nil, 0 -- by queue and kind, those of one namespace

local function make_key(queue, kind)
  if made_of ~= prefix or made_count == 2000 then made, made_of, made_count = {}, prefix, 0 end
  local key = prefix .. 'q:' .. queue .. ':' .. kind
  made[queue] = made[queue] or {}
  made[queue][kind], made_count = key, made_count + 1
  return key
end

local function queue_key(queue, kind)
  local keys = made_of == prefix and made[queue]
  return keys and keys[kind] or make_key(queue, kind)
end

-- Where that goes which stands in a key, and is not ours.
local function aside_key(key)
  return prefix .. 'aside:' .. string.sub(key, #prefix + 1)
end
