-- A config (LrDevConfig 1.0) as develop settings by the names that Lightroom itself has for them. A name or value that
-- is not known here is refused with the whole config: half a look is none.
local Parameters = {}

-- The numbers, by name the lowest and the highest: those of junmai_jobs/photo/develop/settings.py.
local RANGES = {}
local COLORS = {'Red', 'Orange', 'Yellow', 'Green', 'Aqua', 'Blue', 'Purple', 'Magenta'}

local function within(low, high, names)
  for name in string.gmatch(names, '%S+') do RANGES[name] = {low, high} end
end

within(-5, 5, 'Exposure2012')
within(-100, 100, 'Contrast2012 Highlights2012 Shadows2012 Whites2012 Blacks2012')
within(-100, 100, 'Texture Clarity2012 Dehaze Vibrance Saturation')
within(2000, 50000, 'Temperature')
within(-150, 150, 'Tint')
within(-100, 100, 'ParametricShadows ParametricDarks ParametricLights ParametricHighlights')
within(0, 359, 'SplitToningShadowHue SplitToningHighlightHue ColorGradeMidtoneHue ColorGradeGlobalHue')
within(0, 100, 'SplitToningShadowSaturation SplitToningHighlightSaturation ColorGradeMidtoneSat ColorGradeGlobalSat')
within(-100, 100, 'ColorGradeShadowLum ColorGradeMidtoneLum ColorGradeHighlightLum ColorGradeGlobalLum')
within(-100, 100, 'SplitToningBalance')
within(0, 100, 'ColorGradeBlending')
within(0, 150, 'Sharpness')
within(0.5, 3, 'SharpenRadius')
within(0, 100, 'SharpenDetail SharpenEdgeMasking')
within(0, 100, 'LuminanceSmoothing LuminanceNoiseReductionContrast LuminanceNoiseReductionDetail')
within(0, 100, 'ColorNoiseReduction ColorNoiseReductionDetail ColorNoiseReductionSmoothness')
within(0, 20, 'DefringePurpleAmount DefringeGreenAmount')
within(0, 1, 'AutoLateralCA LensProfileEnable')
within(0, 100, 'GrainAmount GrainSize GrainFrequency')
within(-100, 100, 'PostCropVignetteAmount PostCropVignetteRoundness')
within(0, 100, 'PostCropVignetteMidpoint PostCropVignetteFeather PostCropVignetteHighlightContrast')
within(1, 3, 'PostCropVignetteStyle')
within(-100, 100, 'ShadowTint RedHue RedSaturation GreenHue GreenSaturation BlueHue BlueSaturation')
for _, color in ipairs(COLORS) do
  for _, kind in ipairs {'HueAdjustment', 'SaturationAdjustment', 'LuminanceAdjustment', 'GrayMixer'} do
    within(-100, 100, kind .. color)
  end
end
Parameters.RANGES = RANGES

local function set(...)
  local found = {}
  for _, word in ipairs {...} do found[word] = true end
  return found
end

Parameters.WORDS = {
  WhiteBalance = set('As Shot', 'Auto', 'Daylight', 'Cloudy', 'Shade', 'Tungsten', 'Fluorescent', 'Flash', 'Custom'),
  ToneCurveName2012 = set('Linear', 'Medium Contrast', 'Strong Contrast', 'Custom'),
}

-- The names of LrDevelopController that are not those of settings.
local ALIASES = {}
for name in string.gmatch('Exposure Contrast Highlights Shadows Whites Blacks Clarity', '%S+') do
  ALIASES[name] = name .. '2012'
end

local function byColor(kind)
  local found = {}
  for _, color in ipairs(COLORS) do found[string.lower(color)] = kind .. color end
  return found
end

-- Where each stage but base and toneCurve has which setting.
local PLACES = {
  HSL = {hue = byColor 'HueAdjustment', sat = byColor 'SaturationAdjustment', lum = byColor 'LuminanceAdjustment'},
  detail = {
    sharpen = {
      amount = 'Sharpness', radius = 'SharpenRadius', detail = 'SharpenDetail', masking = 'SharpenEdgeMasking',
    },
    nr = {luminance = 'LuminanceSmoothing', color = 'ColorNoiseReduction'},
  },
  effects = {
    grain = {amount = 'GrainAmount', size = 'GrainSize', roughness = 'GrainFrequency'},
    vignette = {
      amount = 'PostCropVignetteAmount', midpoint = 'PostCropVignetteMidpoint',
      roundness = 'PostCropVignetteRoundness', feather = 'PostCropVignetteFeather',
    },
  },
  calibration = {
    redPrimary = {hue = 'RedHue', sat = 'RedSaturation'},
    greenPrimary = {hue = 'GreenHue', sat = 'GreenSaturation'},
    bluePrimary = {hue = 'BlueHue', sat = 'BlueSaturation'},
  },
}
local WHITE_BALANCE = {mode = 'WhiteBalance', temp = 'Temperature', tint = 'Tint'}

local function isWithin(value, low, high)
  return type(value) == 'number' and value >= low and value <= high
end

-- Points [x, y] as one list of numbers, which is how Lightroom has a curve; nil if they are none.
local function curve(points)
  local flat = {}
  if type(points) ~= 'table' or #points < 2 or #points > 16 then return nil end
  for _, point in ipairs(points) do
    if type(point) ~= 'table' or #point ~= 2 then return nil end
    if not isWithin(point[1], 0, 255) or not isWithin(point[2], 0, 255) then return nil end
    flat[#flat + 1], flat[#flat + 2] = point[1], point[2]
  end
  return flat
end

-- Why a setting cannot be taken; nil if it was.
local function takeSetting(found, given, value)
  local name = ALIASES[given] or given
  local range, words = RANGES[name], Parameters.WORDS[name]
  if range and not isWithin(value, range[1], range[2]) then
    return string.format('%s is %s: Lightroom has it from %g to %g', given, tostring(value), range[1], range[2])
  end
  if words and not words[value] then
    return string.format('%s is %s, which Lightroom does not know', given, tostring(value))
  end
  if name == 'ToneCurvePV2012' then
    value = curve(value)
    if not value then return given .. ' is no list of points from [0, 0] to [255, 255]' end
    found.ToneCurveName2012 = 'Custom'
  elseif name == 'ConvertToGrayscale' then
    if type(value) ~= 'boolean' then return given .. ' is neither true nor false' end
  elseif not range and not words then
    return tostring(given) .. ' is no setting known here'
  end
  found[name] = value
  return nil
end

-- Take a table of settings, as `places` names them.
local function takeAll(found, values, places, where)
  if type(values) ~= 'table' then return where .. ' is no object' end
  for key, value in pairs(values) do
    if not places[key] then return where .. '.' .. tostring(key) .. ' is no setting known here' end
    local reason = takeSetting(found, places[key], value)
    if reason then return reason end
  end
  return nil
end

local function takeBase(found, settings)
  if type(settings) ~= 'table' then return 'base has no settings' end
  for name, value in pairs(settings) do
    local reason
    if name == 'WB' then
      reason = takeAll(found, value, WHITE_BALANCE, 'base.settings.WB')
    else
      reason = takeSetting(found, name, value)
    end
    if reason then return reason end
  end
  return nil
end

local function takeStage(found, stage)
  if type(stage) ~= 'table' then return 'a stage is no object' end
  local name = tostring(stage.stage)
  if name == 'base' then return takeBase(found, stage.settings) end
  if name == 'toneCurve' then return takeSetting(found, 'ToneCurvePV2012', stage.rgb) end
  local places = PLACES[name]
  if not places then return 'the stage ' .. name .. ' is not one that this plugin can do' end
  for key, values in pairs(stage) do
    if key ~= 'stage' then
      local where = name .. '.' .. tostring(key)
      if not places[key] then return where .. ' is no setting known here' end
      local reason = takeAll(found, values, places[key], where)
      if reason then return reason end
    end
  end
  return nil
end

-- The settings by name; or nil, and why not.
function Parameters.read(config)
  if type(config) ~= 'table' or config.version ~= '1.0' or type(config.pipeline) ~= 'table' then
    return nil, 'the config is no LrDevConfig 1.0'
  end
  if type(config.export) == 'table' and config.export.enable then
    return nil, 'this plugin exports nothing: have export_photo do it'
  end
  local found = {}
  for _, stage in ipairs(config.pipeline) do
    local reason = takeStage(found, stage)
    if reason then return nil, reason end
  end
  return found
end

return Parameters
