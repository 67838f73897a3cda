-- A body begins with one line of text that keeps its layout in every schema version:
--   VERSION queue|priority\n  or  VERSION queue|priority|created|expires_ms|extras\n
-- VERSION is one byte. Created is server time; the client sends @ there and enqueue fills it in, as revive does
-- again where there is an expiry. Extras are name=value, separated by ;, see each reader of one.
local schema_version = '2'

local headers, headers_kept = {}, 0 -- what the lines that most jobs share say, by their text

-- Without a readable body all are nil; created, expires and extras also where the line leaves them out.
local function read_header(body)
  local ends = string.find(body or '', '\n', 1, true) or 0
  local line = string.sub(body or '', 1, ends)
  local known = headers[line]
  if known then return known[1], known[2], known[3] end
  local version, queue, priority, rest = string.match(line, '^(.)([^|\n]*)|(%d+)([^\n]*)\n')
  if not rest then return nil end
  if rest == '' then
    if headers_kept == 1000 then headers, headers_kept = {}, 0 end
    if ends < 200 then headers[line], headers_kept = {version, queue, priority}, headers_kept + 1 end
    return version, queue, priority
  end
  local created, expires, extras = string.match(rest, '^|([%d@]*)|(%d*)|?([^\n]*)$')
  return version, queue, priority, tonumber(created), tonumber(expires), extras ~= '' and extras or nil
end
