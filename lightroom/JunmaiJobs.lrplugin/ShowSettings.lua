-- The menu item: the settings in a dialog of their own.
local LrBinding = import 'LrBinding'
local LrDialogs = import 'LrDialogs'
local LrFunctionContext = import 'LrFunctionContext'
local LrView = import 'LrView'

local SettingsView = require 'SettingsView'

LrFunctionContext.callWithContext('Junmai Jobs settings', function(context)
  local properties = LrBinding.makePropertyTable(context)
  SettingsView.load(properties)
  local pressed = LrDialogs.presentModalDialog {
    title = LOC '$$$/JunmaiJobs/Name=Junmai Jobs',
    contents = SettingsView.rows(LrView.osFactory(), properties),
  }
  if pressed == 'ok' then SettingsView.save(properties) end
end)
