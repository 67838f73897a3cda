-- What the photographer has set, and the token that goes with every request. The token itself is kept where the system
-- keeps passwords, everything else with Lightroom's preferences.
local LrFileUtils = import 'LrFileUtils'
local LrPasswords = import 'LrPasswords'
local LrPathUtils = import 'LrPathUtils'
local LrPrefs = import 'LrPrefs'

local Settings = {}
local PASSWORD = 'junmai-jobs-token'

-- Where `junmai-jobs serve` keeps its token, unless JUNMAI_HOME says otherwise.
local function usualTokenFile()
  local folder = WIN_ENV and 'AppData/Local' or 'Library/Application Support'
  local home = LrPathUtils.getStandardFilePath 'home'
  return LrPathUtils.child(LrPathUtils.child(LrPathUtils.child(home, folder), 'junmai-jobs'), 'bridge-token')
end

local function trimmed(text)
  return string.match(tostring(text or ''), '^%s*(.-)%s*$')
end

-- Whether the bridge is told which photo is on the screen.
function Settings.tellsScreen()
  return LrPrefs.prefsForPlugin().tellsScreen ~= false
end

function Settings.read()
  local prefs = LrPrefs.prefsForPlugin()
  return {
    url = prefs.url or 'http://127.0.0.1:5100',
    tokenFile = prefs.tokenFile or usualTokenFile(),
    token = LrPasswords.retrieve(PASSWORD) or '',
    startsItself = prefs.startsItself ~= false,
    tellsScreen = Settings.tellsScreen(),
  }
end

function Settings.write(wanted)
  local prefs = LrPrefs.prefsForPlugin()
  prefs.url = string.gsub(trimmed(wanted.url), '/+$', '')
  prefs.tokenFile = trimmed(wanted.tokenFile)
  prefs.startsItself = wanted.startsItself ~= false
  prefs.tellsScreen = wanted.tellsScreen ~= false
  LrPasswords.store(PASSWORD, trimmed(wanted.token))
end

-- Whether what is said to an address is heard by nobody else: it is this computer's, or it is encrypted.
local function isPrivate(url)
  local host = string.match(url, '^http://([^/]*)')
  return not host or string.find(host, '^127%.[%d.]+:?%d*$') ~= nil or string.find(host, '^localhost:?%d*$') ~= nil
    or string.find(host, '^%[::1%]:?%d*$') ~= nil
end

-- The token: the one that is set, else that in its file, which is this computer's and sent to no other in the clear;
-- nil: none, as for a bridge that asks for none.
function Settings.token()
  local known = Settings.read()
  if known.token ~= '' then return known.token end
  if not isPrivate(known.url) or not LrFileUtils.exists(known.tokenFile) then return nil end
  local found = trimmed(LrFileUtils.readFile(known.tokenFile))
  return found ~= '' and found or nil
end

return Settings
