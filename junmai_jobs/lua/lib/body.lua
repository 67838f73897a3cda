-- A body begins with one line of text that keeps its layout in every schema version:
--   VERSION queue|priority\n  or  VERSION queue|priority|created|expires_ms\n
-- VERSION is one byte. Created is server time; the client sends @ there and enqueue fills it in.
local schema_version = '1'

-- All nil where there is no body, or none that can be read.
local function read_header(body)
  local version, queue, priority, rest = string.match(body or '', '^(.)([^|\n]*)|(%d+)([^\n]*)\n')
  local created, expires = string.match(rest or '', '^|(%d+)|(%d*)$')
  return version, queue, priority, tonumber(created), tonumber(expires)
end
