-- The scripts as they are sent: `make check` composes them into build/lua first.
std = "lua51+redis"
stds.redis = {read_globals = {"redis", "cjson", "KEYS", "ARGV"}}
max_line_length = 120
ignore = {
  "231", -- ended_for matters only to step
  "211", -- a library of functions is included whole, and not every verb uses all of it
}
