-- include: begin
-- A verb as a function of the server's: called with its namespace as the key.
local function publish(name, verb, flags)
  redis.register_function({
    function_name = library .. '_' .. name,
    callback = function(keys, arguments)
      begin(keys[1])
      return verb(unpack(arguments))
    end,
    flags = flags,
  })
end
