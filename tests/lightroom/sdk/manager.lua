-- Somebody opens the Plug-in Manager, sets another address, and closes it.
local provider = dofile(_PLUGIN.path .. '/InfoProvider.lua')
local properties = {}
provider.startDialog(properties)
local factory = import('LrView').osFactory()
assert(#provider.sectionsForTopOfDialog(factory, properties) == 1)
properties.url = ' http://studio.example:5100/ '
provider.endDialog(properties)
