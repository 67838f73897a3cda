-- The menu item, and the end of the plugin: ask for no more jobs. The one that runs is done and told.
require('Runner').stop()
