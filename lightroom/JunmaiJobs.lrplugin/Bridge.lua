-- The bridge's protocol: next, heartbeat, result; and what is on the screen. Each call says what happened; none raises
-- for what a network does.
local LrHttp = import 'LrHttp'
local LrUUID = import 'LrUUID'

local Json = require 'dkjson'
local Settings = require 'Settings'

local Bridge = {}
local TIMEOUT = 30 -- s
-- No other run of a plugin has this name: two with one name would take each other's jobs.
local client = string.lower((string.gsub(LrUUID.generateUUID(), '%W', '')))

local function headers()
  local found, token = {{field = 'Content-Type', value = 'application/json'}}, Settings.token()
  if token then found[2] = {field = 'Authorization', value = 'Bearer ' .. token} end
  return found
end

-- The status of an answer, nil for none, and its document. With a body it is a POST.
local function call(path, body)
  local url = Settings.read().url .. path
  local text, info
  if body then
    text, info = LrHttp.post(url, Json.encode(body), headers(), 'POST', TIMEOUT)
  else
    text, info = LrHttp.get(url, headers(), TIMEOUT)
  end
  if not text or not info or not info.status then return nil, {} end
  local document = Json.decode(text, 1, nil, nil, nil)
  return info.status, type(document) == 'table' and document or {}
end

-- A job; or nil, and what keeps us from having one: nil again if there simply is none.
function Bridge.next()
  local status, document = call('/job/next?client=' .. client)
  if status == 200 and type(document.jobId) == 'string' and type(document.lease) == 'string' then return document end
  if status == 404 and document.code == 'no_job' then return nil, nil end
  if not status then return nil, LOC '$$$/JunmaiJobs/Status/Away=The bridge does not answer.' end
  if status == 401 or status == 403 then
    return nil, LOC '$$$/JunmaiJobs/Status/Token=The bridge refuses the token: look at the settings.'
  end
  return nil, LOC('$$$/JunmaiJobs/Status/Odd=The bridge answers ^1: ^2', tostring(status), tostring(document.error))
end

-- Renew the lease. 'held', 'cancel': somebody asked for an end, 'lost': somebody else has the job, or nil: no answer.
function Bridge.heartbeat(order, progress)
  local status, document = call('/job/' .. order.jobId .. '/heartbeat', {lease = order.lease, progress = progress})
  if status == 200 then return document.cancel and 'cancel' or 'held' end
  return (status == 404 or status == 409) and 'lost' or nil
end

-- Tell the end. What has become of the job in a word, 'lost' if this does not count, or nil: no answer.
function Bridge.result(order, told)
  told.lease = order.lease
  local status, document = call('/job/' .. order.jobId .. '/result', told)
  if status == 200 then return document.status or 'noted' end
  if status == 404 or status == 409 then return 'lost' end
  if status and status < 500 and status ~= 429 then return 'refused: ' .. tostring(document.error) end
  return nil
end

-- Tell which photo is on the screen.
function Bridge.lookAt(path)
  call('/queue/attention', {path = path})
end

return Bridge
