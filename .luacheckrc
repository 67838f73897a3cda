-- The library as the server gets it: `make check` puts it together in build/lua first.
std = "lua51+redis"
stds.redis = {read_globals = {"redis", "cjson"}}
max_line_length = 120
