-- The rules of pace.py for a fleet: learn how the last starts fared, then reserve the next one. One evaluation does both.
--
-- KEYS[1]  a hash, the whole state; it goes away ten minutes after the last evaluation.
-- ARGV     now (0: Redis's own clock), interval, lease of a probe, whether a start is wanted (1 or 0),
--          then four values for each outcome: kind, number, when it was sent, and how long its round trip took; where it was
--          refused, how long the service asks to wait (-1: it does not say); where it was sent, how long that takes mostly.
-- Times are whole microseconds of Redis's clock. The numbers in capitals come from pace.py and stand in front of this text.

local now, interval, lease, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local MILLION = 1000000 -- the margin is kept in millionths of the interval
local TIMES = {'next', 'before', 'held', 'began', 'lease', 'ask', 'seen', 'trusted'}
local COUNTS = {'number', 'eager', 'probe', 'mark', 'row', 'accepted', 'refused', 'holds', 'margin', 'trip', 'deviation', 'calm', 'patience', 'stride', 'widened', 'eased', 'proven', 'level', 'narrow'}

local s = {}
for _, names in ipairs({TIMES, COUNTS}) do
  local values = redis.call('HMGET', KEYS[1], unpack(names))
  for place, name in ipairs(names) do
    s[name] = tonumber(values[place] or '0')
  end
end
if s.seen == 0 then
  s.margin, s.stride = FIRST_MARGIN * MILLION, 1
  s.proven, s.level, s.narrow = NEVER * MILLION, s.margin, NEVER * MILLION
end
if now < s.seen then -- the clock was set back: what lay ahead still lies as far ahead
  local back = s.seen - now
  for _, name in ipairs(TIMES) do
    s[name] = s[name] - back
  end
end
s.seen = now

local function whole(value)
  return math.floor(value + 0.5)
end

local function spacing()
  return interval + whole(interval * s.margin / MILLION)
end

local function slack() -- what a start that was late may be made up for
  return math.min(LATENESS * MILLION, whole(interval * s.margin / MILLION))
end

local function deviation()
  return s.deviation / interval
end

local function weight(number) -- the more starts were reserved since, the less an answer counts
  return 1 / math.max(1, s.number - number)
end

local function narrowed(number, calm)
  local enough = math.max(EASE_FLOOR, EASE_DEVIATIONS * deviation()) * MILLION
  if s.margin > enough and calm > 0 then
    return math.max(enough, s.margin * (1 - EASE))
  elseif calm > LONG_CALM then
    return s.margin * (1 - EASE)
  end
  return math.max(0, s.margin - weight(number) * GAIN * math.max(FLOOR, deviation()) * TARGET * MILLION)
end

local function unsettle()
  local hasty = s.calm > s.patience
  s.patience = math.max(s.patience, FIRST_PATIENCE)
  if hasty then
    s.patience = math.min(s.patience * 2, GREATEST_PATIENCE)
  end
  s.calm, s.widened = 0, s.number
end

local function widened(number)
  local trusted = now - s.trusted < TRUST * MILLION
  local told = trusted and number == s.number -- by the repeat at once
  s.narrow = told and math.max(s.margin, math.min(s.proven, s.margin / (1 - EASE))) or NEVER * MILLION
  local widest = trusted and math.max(s.proven / (1 - EASE) + EASE_FLOOR * MILLION, PROVEN_DEVIATIONS * deviation() * MILLION) or NEVER * MILLION
  local step = GAIN * (1 - TARGET) * MILLION
  local wide = math.min(GREATEST_BY_JITTER * MILLION, s.margin + step * deviation() * weight(number))
  if number > s.widened then -- the others were reserved with the margin of before
    local soon = s.calm < SOON and number - s.widened < PROVEN
    s.stride = soon and math.min(s.stride * 2, GREATEST_STRIDE) or 1
    wide = math.max(wide, math.min(GREATEST_MARGIN * MILLION, s.margin + step * FLOOR * s.stride))
    unsettle()
  end
  return math.max(s.margin, math.min(wide, widest))
end

local function undo() -- the repeat at once was refused as well: a wider margin would not have helped
  if s.narrow < NEVER * MILLION then
    s.margin, s.level, s.stride = s.narrow, s.narrow, 1
  end
end

local function observe(trip)
  local mean = s.accepted == 0 and trip or s.trip
  s.deviation = s.deviation + (math.abs(trip - mean) - s.deviation) * SMOOTHING
  s.trip = mean + (trip - mean) * SMOOTHING
end

local function holding()
  return s.row > 1
end

local function hold(length)
  if length <= 0 then
    return
  end
  s.row = math.max(s.row, 2)
  s.began, s.mark = now, s.number
  s.held = math.max(s.held, now + length)
end

local function hold_length()
  if not holding() then
    return 0
  end
  return (math.min(SHORTEST_HOLD * 2 ^ math.min(s.row - 2, 10), LONGEST_HOLD) - s.row * PHASE % 1) * interval
end

local learn = {}

function learn.sent(number, at, lead)
  s.next = math.max(s.next, math.min(at, s.next) + spacing() - slack() - lead)
end

function learn.unused(number)
  if number == s.number then
    s.next = s.before
  end
end

function learn.lost()
end

function learn.accepted(number, at, trip)
  observe(trip)
  s.accepted = s.accepted + 1
  if not (holding() and at < s.began) then
    s.row = 0
  end
  if number > s.widened then
    s.calm = s.calm + 1
    if s.calm >= PROVEN then
      s.trusted = now
    end
    if s.calm % PROVEN == 0 then
      s.proven, s.level = s.level, s.margin
    end
  end
  if s.calm > RESTED * s.patience and s.patience > FIRST_PATIENCE then
    s.patience = math.floor(s.patience / 2)
  end
  local calm = number > s.eased and s.calm - s.patience or 0
  s.margin = narrowed(number, calm)
  if calm > 0 then
    s.eased = s.number
  end
end

-- A start that somebody had reserved when the hold began tells nothing new, even if it was sent since.
function learn.refused(number, at, retry_after, probe)
  s.refused = s.refused + 1
  local held, length = holding(), 0
  local again = number == s.eager and s.row == 1
  if again then
    undo()
  end
  if not again and not (held and number <= s.mark) then
    s.row = s.row + 1
    if s.row == 1 then
      s.margin = widened(number)
      s.level = s.margin
      if number == s.number then
        s.eager, s.next = s.number + 1, now
      end
    end
    length = hold_length()
  end
  local gone = probe and now - at or 0
  hold(math.max(length - gone, math.min(retry_after, LONGEST_RETRY_AFTER * MILLION)))
  if holding() and not held then
    s.holds = s.holds + 1
  end
end

for place = 5, #ARGV, 4 do
  local kind, number = ARGV[place], tonumber(ARGV[place + 1])
  local probe = number == s.probe
  if kind ~= 'sent' and probe then
    s.probe = 0
  end
  learn[kind](number, tonumber(ARGV[place + 2]), tonumber(ARGV[place + 3]), probe)
end

-- Who cannot have a start while a probe is out is told when to ask again, one asker after the other as starts would be.
local wait, number, probe = 0, 0, 0
if wanted and holding() and s.probe > 0 and now < s.lease then
  s.ask = math.max(s.ask, now, s.lease - lease) + spacing()
  wait = s.ask - now
elseif wanted then
  local due = math.max(now, s.next, s.held)
  local late = due - s.next
  s.number, s.before, s.next = s.number + 1, s.next, due - (late < interval and math.min(late, slack()) or 0) + spacing()
  wait, number = due - now, s.number
  if holding() then
    probe, s.probe, s.lease = 1, s.number, due + lease
  end
end

local state = {}
for _, names in ipairs({TIMES, COUNTS}) do
  for _, name in ipairs(names) do
    state[#state + 1] = name
    state[#state + 1] = string.format('%.3f', s[name]) -- in a large fleet a success narrows by less than a millionth
  end
end
redis.call('HSET', KEYS[1], unpack(state))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', KEPT + math.max(0, s.next - now, s.held - now) / 1000))

return {wait, number, probe, now, s.next - now, s.held - now, s.number, s.row, s.margin, s.accepted, s.refused, s.holds, s.trip, s.deviation}
