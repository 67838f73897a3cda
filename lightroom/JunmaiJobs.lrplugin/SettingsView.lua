-- The settings as rows of a dialog.
local LrView = import 'LrView'

local Runner = require 'Runner'
local Settings = require 'Settings'

local SettingsView = {}
local FIELDS = {'url', 'tokenFile', 'token', 'startsItself', 'tellsScreen'}

function SettingsView.load(properties)
  local known = Settings.read()
  for _, name in ipairs(FIELDS) do properties[name] = known[name] end
end

function SettingsView.save(properties)
  local wanted = {}
  for _, name in ipairs(FIELDS) do wanted[name] = properties[name] end
  Settings.write(wanted)
end

local function row(factory, label, control)
  return factory:row {factory:static_text {title = label, width = LrView.share 'label', alignment = 'right'}, control}
end

function SettingsView.rows(factory, properties)
  local bind = LrView.bind
  return factory:column {
    bind_to_object = properties,
    spacing = factory:control_spacing(),
    row(factory, LOC '$$$/JunmaiJobs/Settings/Url=Address',
      factory:edit_field {value = bind 'url', width_in_chars = 40}),
    row(factory, LOC '$$$/JunmaiJobs/Settings/TokenFile=File of the token',
      factory:edit_field {value = bind 'tokenFile', width_in_chars = 40}),
    row(factory, LOC '$$$/JunmaiJobs/Settings/Token=Or the token itself',
      factory:password_field {value = bind 'token', width_in_chars = 40}),
    factory:checkbox {
      title = LOC '$$$/JunmaiJobs/Settings/StartsItself=Start with Lightroom',
      value = bind 'startsItself',
    },
    factory:checkbox {
      title = LOC '$$$/JunmaiJobs/Settings/TellsScreen=The photo on the screen goes first',
      value = bind 'tellsScreen',
    },
    row(factory, LOC '$$$/JunmaiJobs/Settings/Status=Now', factory:static_text {title = Runner.status()}),
  }
end

return SettingsView
