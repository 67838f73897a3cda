-- The library as the server gets it: `make check` puts it together in build/lua first. The rest is for Lightroom, which
-- has Lua 5.1.
std = "lua51+redis"
stds.redis = {read_globals = {"redis", "cjson"}}
files["junmai_jobs/doctor"] = {read_globals = {"ARGV"}} -- a script, no function
stds.lightroom = {read_globals = {"import", "LOC", "WIN_ENV"}}
stds.stand_in = {globals = {"import", "LOC", "WIN_ENV", "MAC_ENV", "_PLUGIN"}}
files["lightroom"] = {std = "lua51+lightroom"}
files["tests/lightroom"] = {std = "lua51+stand_in"}
exclude_files = {"lightroom/JunmaiJobs.lrplugin/dkjson.lua"} -- somebody else's
max_line_length = 120
