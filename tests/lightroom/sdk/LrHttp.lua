-- Requests go to a real server.
local http = require 'socket.http'
local ltn12 = require 'ltn12'

local LrTasks = require 'LrTasks'
local Scene = require 'Scene'

local LrHttp = {}

local function ask(method, url, fields, body)
  assert(coroutine.running(), 'only a task can ask')
  assert(not LrTasks.isWriting, 'nobody asks with write access')
  local headers, chunks = {}, {}
  for _, each in ipairs(fields or {}) do headers[each.field] = each.value end
  if body then headers['Content-Length'] = #body end
  local ok, status = http.request {
    method = method, url = url, headers = headers, source = body and ltn12.source.string(body),
    sink = ltn12.sink.table(chunks),
  }
  local path = string.match(url, '^%w+://[^/]+(/[^?]*)')
  Scene.note('http', {method = method, path = path, status = ok and status or nil, body = body})
  if path == '/job/next' and not (ok and status == 200) then Scene.hadNone() end
  if not ok then return nil, {error = {errorCode = 'cannotConnectToHost', name = status}} end
  return table.concat(chunks), {status = status}
end

function LrHttp.get(url, headers) return ask('GET', url, headers) end

function LrHttp.post(url, body, headers, method) return ask(method or 'POST', url, headers, body) end

return LrHttp
