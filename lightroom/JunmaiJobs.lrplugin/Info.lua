-- What Lightroom reads of the plugin before anything of it runs.
local menu = {
  {title = LOC '$$$/JunmaiJobs/Menu/Start=Junmai Jobs: Start', file = 'Start.lua'},
  {title = LOC '$$$/JunmaiJobs/Menu/Stop=Junmai Jobs: Stop', file = 'Stop.lua'},
  {title = LOC '$$$/JunmaiJobs/Menu/Settings=Junmai Jobs: Settings...', file = 'ShowSettings.lua'},
}

return {
  LrSdkVersion = 12.0,
  LrSdkMinimumVersion = 6.0,
  LrToolkitIdentifier = 'junmai.jobs.lightroom',
  LrPluginName = LOC '$$$/JunmaiJobs/Name=Junmai Jobs',
  LrInitPlugin = 'Init.lua',
  LrForceInitPlugin = true, -- with Lightroom, not when somebody opens a menu
  LrShutdownPlugin = 'Stop.lua',
  LrPluginInfoProvider = 'InfoProvider.lua',
  LrExportMenuItems = menu,
  LrLibraryMenuItems = menu,
  VERSION = {major = 0, minor = 1, revision = 0},
}
