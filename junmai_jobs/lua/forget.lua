-- forget: what is kept under these keys is gone.
-- replies: OK
-- include: cached
local function forget(...)
  for _, key in ipairs({...}) do forget_cached(key) end
  return {'OK'}
end
