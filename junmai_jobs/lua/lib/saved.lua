-- The first mark in a state's holds: a run has left a checkpoint, which goes when the job succeeds.
local saved = '#'
