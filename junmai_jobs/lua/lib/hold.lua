-- include: holders
local function hold(id, holds)
  for each in string.gmatch(holds, '[^;]+') do redis.call('ZADD', holders, 0, member_of(each, id)) end
end
