-- Lightroom has started.
local Runner = require 'Runner'
local Settings = require 'Settings'

if Settings.read().startsItself then Runner.start() end
