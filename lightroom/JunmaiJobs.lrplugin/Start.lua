-- The menu item: ask the bridge for jobs from now on.
require('Runner').start()
