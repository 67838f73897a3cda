-- log: running -> running; lines of text are kept with the job. number: counts the calls of one run.
-- replies: OK | LOST
-- include: ending, newest_lines
local log_limit = 65536

-- Kept is "token number" of the last call, by which a repeated one is known, then a line "time text" for each.
local function log(id, token, number, text)
  if not guard(id, token, {}) then return {'LOST'} end
  local last_token, last_number, lines = string.match(redis.call('HGET', log_lines, id) or '', '^(%d+) (%d+)\n(.*)$')
  if last_token == token and tonumber(last_number) >= tonumber(number) then return {'OK'} end
  local stamp = string.format('%.0f ', now)
  local added = stamp .. string.gsub(text, '\n', '\n' .. stamp) .. '\n'
  lines = newest_lines((lines or '') .. added, log_limit)
  redis.call('HSET', log_lines, id, token .. ' ' .. number .. '\n' .. lines)
  return {'OK'}
end
