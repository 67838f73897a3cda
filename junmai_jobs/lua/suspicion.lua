-- suspicion: what is held against an input, and whether that is enough for nobody to try it any more.
-- replies: OK or QUARANTINED, then "token id cause" of each run that died of it
-- include: suspects
local function suspicion(input_id)
  local deaths = deaths_of(input_id)
  return {#deaths < deaths_allowed and 'OK' or 'QUARANTINED', unpack(deaths)}
end
