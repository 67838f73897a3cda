-- A body begins with one line of text that keeps its layout in every schema version:
--   VERSION queue|priority\n  or  VERSION queue|priority|created|expires_ms|extras\n
-- VERSION is one byte. Created is server time; the client sends @ there and enqueue fills it in. Extras are
-- name=value, separated by ;, see each reader of one.
local schema_version = '1'

-- Without a readable body all are nil; created, expires and extras also where the line leaves them out.
local function read_header(body)
  local version, queue, priority, rest = string.match(body or '', '^(.)([^|\n]*)|(%d+)([^\n]*)\n')
  if not rest or rest == '' then return version, queue, priority end
  local created, expires, extras = string.match(rest, '^|([%d@]*)|(%d*)|?([^\n]*)$')
  return version, queue, priority, tonumber(created), tonumber(expires), extras ~= '' and extras or nil
end
