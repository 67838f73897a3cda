-- A ready score is (10 - priority) * 2^42 + sequence: exact in a double, lower is served first.
local band_width = 4398046511104
