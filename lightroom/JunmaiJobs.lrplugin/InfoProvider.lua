-- The settings in the Plug-in Manager.
local SettingsView = require 'SettingsView'

return {
  startDialog = SettingsView.load,
  endDialog = SettingsView.save,
  sectionsForTopOfDialog = function(factory, properties)
    local title = LOC '$$$/JunmaiJobs/Settings/Title=The bridge of Junmai Jobs'
    return {{title = title, SettingsView.rows(factory, properties)}}
  end,
}
