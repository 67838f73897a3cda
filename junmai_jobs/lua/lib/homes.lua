-- Of a word that means the job has finished; nil of any other.
local function finished_home(word)
  return word == 'succeeded' and succeeded or word == 'failed' and failed or word == 'cancelled' and cancelled or nil
end
