-- The rules of pace.py and margin.py for a fleet. One evaluation does both: it learns how the last
-- starts fared, and then reserves the next one.
--
-- KEYS[1]  a hash, the whole state; it goes away ten minutes after the last evaluation.
-- ARGV     now (0: Redis's own clock), interval, lease of a probe, whether a start is wanted (1 or
--          0), then four values for each outcome: kind, number, time of sending, and a duration.
--          The duration is for accepted: its round trip; for refused: the wait that the service
--          asks for (0: it asks for none); for sent: how long it usually takes to send a request.
-- Times are whole microseconds of Redis's clock. The numbers in capitals come from tuning.py and
-- stand in front of this text.

local now, interval, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted = ARGV[4] == '1'
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local kept_format = redis.call('HGET', KEYS[1], 'format')
if kept_format and kept_format ~= FORMAT then
  return redis.error_reply(FORMAT_SIGN .. ' the hash has another format')
end

local MILLION = 1000000 -- the margin is kept in millionths of the interval
local TIMES = {
  'next', 'before', 'held', 'began', 'lease', 'ask', 'seen', 'trusted', 'sent', 'earlier',
}
local COUNTS = {
  'number', 'eager', 'probe', 'mark', 'refusal_streak', 'accepted', 'refused', 'holds',
  'calm', 'patience', 'stride', 'widened', 'eased', 'rival', 'followed_by',
}
local MEASURES = {
  'margin', 'trip', 'deviation', 'proven', 'level', 'narrow', 'outward', 'excess',
}
local ALL = {TIMES, COUNTS, MEASURES}
local LARGEST = 2 ^ 53 -- a greater number is not whole any more
local STORED_AS = {refusal_streak = 'row'} -- a field of the hash that has another name
local ABSENT = { -- fields that the hash of an earlier release has not
  sent = '0', earlier = '0', rival = '0', followed_by = '0', outward = '0', excess = '0',
}

local function field(name)
  return STORED_AS[name] or name
end

local s, is_empty, is_sound = {}, true, true
for _, names in ipairs(ALL) do
  local fields = {}
  for index, name in ipairs(names) do
    fields[index] = field(name)
  end
  local values = redis.call('HMGET', KEYS[1], unpack(fields))
  for index, name in ipairs(names) do
    local value = tonumber(values[index] or ABSENT[name] or 'none')
    is_empty = is_empty and not values[index]
    is_sound = is_sound and value and math.abs(value) <= LARGEST -- which no NaN is
    s[name] = value
  end
end
if is_empty and redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.error_reply(FOREIGN_SIGN .. ' the hash is no bucket')
end

local least_margin = -LATEST * MILLION * MILLION / interval -- what timers are late

-- Nothing that this script writes fails here: some other hand has changed the hash.
local function is_plausible()
  local least = {
    margin = s.calm > UNREFUSED and least_margin - 1 or 0, excess = -MOST_EXCESS * MILLION,
  }
  for _, names in ipairs({COUNTS, MEASURES}) do
    for _, name in ipairs(names) do
      if s[name] < (least[name] or 0) or (names == COUNTS and s[name] % 1 ~= 0) then
        return false
      end
    end
  end
  local longest_hold = math.max(LONGEST_RETRY_AFTER * MILLION, LONGEST_HOLD * interval)
  local farthest = s.seen + longest_hold + MOST_AHEAD * interval + lease
  return s.held <= s.seen + longest_hold and s.began <= s.seen and s.trusted <= s.seen
    and s.next <= farthest and s.before <= farthest and s.ask <= farthest
    and s.lease <= farthest + lease
    and s.margin <= GREATEST_MARGIN * MILLION and s.level <= GREATEST_MARGIN * MILLION
    and s.outward <= MOST_OUTWARD * MILLION and s.excess <= MOST_EXCESS * MILLION
    and s.stride >= 1 and s.stride <= GREATEST_STRIDE and s.patience <= GREATEST_PATIENCE
end

if not (is_sound and is_plausible()) then -- a new bucket, also in place of a corrupt one
  for _, names in ipairs(ALL) do
    for _, name in ipairs(names) do
      s[name] = 0
    end
  end
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

local function added() -- to the interval
  return whole(interval * s.margin / MILLION)
end

local function spacing()
  return interval + math.max(0, added())
end

local function slack() -- how much of a start's lateness the next one may make up for
  return added() < 0 and -added() or math.min(LATENESS * MILLION, added())
end

local function deviation()
  return s.deviation / interval
end

local function enough() -- a wider margin is a guess
  return math.max(EASE_FLOOR, EASE_DEVIATIONS * deviation()) * MILLION
end

local ROUNDED = 1.0001 -- a margin that was enough may be more by what was left off in the hash

local function weight(number) -- the more starts were reserved since, the less an answer counts
  return 1 / math.max(1, s.number - number)
end

local function limited() -- a step goes by no more than the margin, which has sufficed
  return math.min(deviation(), math.max(FLOOR, s.margin / MILLION))
end

local function narrowed(number, calm, least)
  if s.margin > enough() and calm > 0 then
    return math.max(enough(), s.margin * (1 - EASE))
  end
  local step = weight(number) * GAIN * math.max(FLOOR, limited()) * TARGET * MILLION
  if calm > LONG_CALM then
    local eased = s.margin - (s.margin - least) * EASE
    return eased > 0 and eased or math.max(least, eased - step)
  end
  return math.max(math.min(0, s.margin), s.margin - step)
end

local function unsettle()
  local hasty = s.calm > s.patience
  s.patience = math.max(s.patience, FIRST_PATIENCE)
  if hasty then
    s.patience = math.min(s.patience * 2, GREATEST_PATIENCE)
  end
  s.calm, s.widened = 0, s.number
end

local function next_stride(number)
  local soon = s.calm < SOON and number - s.widened < PROVEN
  s.stride = soon and math.min(s.stride * 2, GREATEST_STRIDE) or 1
  local step = GAIN * (1 - TARGET) * MILLION * FLOOR * s.stride
  return math.min(GREATEST_MARGIN * MILLION, s.margin + step)
end

local function widened(number)
  if s.margin < 0 then -- this server allows no bursts, or no more
    s.margin, s.patience = 0, GREATEST_PATIENCE
  end
  local longest = math.min(TRUSTED_INTERVALS * interval, LONGEST_TRUST * MILLION)
  local trusted = now - s.trusted < math.max(TRUST * MILLION, longest)
  local step = GAIN * (1 - TARGET) * MILLION * limited() * weight(number)
  local wide = math.min(GREATEST_BY_JITTER * MILLION, s.margin + step)
  s.narrow = NEVER * MILLION
  if trusted and number == s.number then -- the immediate repeat will tell
    s.narrow = math.max(s.margin, math.min(s.proven, s.margin / (1 - EASE)))
  end
  if number > s.widened then -- earlier starts were reserved with the margin of before
    wide = math.max(wide, next_stride(number))
    unsettle()
  end
  if trusted then
    local eased = s.proven / (1 - EASE) + EASE_FLOOR * MILLION
    wide = math.min(wide, math.max(eased, PROVEN_DEVIATIONS * deviation() * MILLION))
  elseif s.margin <= ROUNDED * enough() and enough() < wide then -- what taught patience is over
    s.patience = FIRST_PATIENCE
  end
  return math.max(s.margin, wide)
end

local function undo_widening() -- it would not have helped: the immediate repeat was refused too
  if s.narrow < NEVER * MILLION then
    s.margin, s.level, s.stride = s.narrow, s.narrow, 1
  end
end

local function repeat_at_once() -- unless another program uses the rate
  if s.rival > 0 and s.number - s.rival < RIVALRY then
    undo_widening()
  else
    s.eager, s.next = s.number + 1, now
  end
end

local function teach(number, refused) -- whether the start after a round trip was refused
  if number == s.followed_by then
    local moved = s.outward + OUTWARD_STEP * (refused - TARGET) * s.excess
    s.outward = math.max(0, math.min(moved, MOST_OUTWARD * MILLION))
  end
end

local function follow(number, at, excess) -- the last request, by when it has probably arrived
  teach(number, 0)
  local deviations = s.deviation > RESOLUTION * MILLION and excess / s.deviation or 0
  s.excess = math.max(-MOST_EXCESS, math.min(deviations, MOST_EXCESS)) * MILLION
  s.followed_by = s.number + 1
  local room = math.max(0, math.min(spacing() - slack(), s.next - at) - interval)
  local late = whole(math.max(-room, math.min(excess * s.outward / MILLION, interval)))
  s.next = s.next + late
  if at == s.sent then -- another may have gone out later
    s.sent = s.sent + late
  end
end

local function observe(trip)
  local mean = s.accepted == 0 and trip or s.trip
  s.deviation = s.deviation + (math.abs(trip - mean) - s.deviation) * SMOOTHING
  s.trip = mean + (trip - mean) * SMOOTHING
  return trip - mean
end

local function holding()
  return s.refusal_streak > 1
end

local function hold(length)
  if length <= 0 then
    return
  end
  s.refusal_streak = math.max(s.refusal_streak, 2)
  s.began, s.mark = now, s.number
  s.held = math.max(s.held, now + length)
end

local function hold_length()
  if not holding() then
    return 0
  end
  local intervals = math.min(SHORTEST_HOLD * 2 ^ math.min(s.refusal_streak - 2, 10), LONGEST_HOLD)
  return (intervals - s.refusal_streak * PHASE % 1) * interval
end

local learn = {}

function learn.sent(number, at, lead)
  s.next = math.max(s.next, math.min(at, s.next) + spacing() - slack() - lead)
  local first, last = math.min(s.earlier, s.sent), math.max(s.earlier, s.sent)
  s.earlier, s.sent = math.max(first, math.min(last, at)), math.max(last, at)
end

function learn.unused(number)
  if number == s.number then
    s.next = s.before
  end
end

function learn.lost()
end

function learn.accepted(number, at, trip)
  local excess = observe(trip)
  s.accepted = s.accepted + 1
  if not (holding() and at < s.began) then
    s.refusal_streak = 0
  end
  if number > s.widened then
    s.calm = s.calm + 1
    if s.calm >= PROVEN then
      s.trusted = math.min(now, at + trip)
    end
    if s.calm % PROVEN == 0 then
      s.proven, s.level = s.level, math.max(0, s.margin)
    end
  end
  local rested = s.calm > (s.patience > 0 and RESTED * s.patience or UNREFUSED)
  if rested and s.patience > FIRST_PATIENCE then
    s.patience = math.floor(s.patience / 2)
  end
  if number == s.number and s.margin > 0 then
    follow(number, at, excess)
  end
  local patience = s.patience > 0 and s.patience or -FRESH
  local calm = number > s.eased and s.calm - patience or 0
  s.margin = narrowed(number, calm, rested and least_margin or 0)
  if calm > 0 then
    s.eased = s.number
  end
end

-- A start that was reserved before the hold began tells nothing new, even if it was sent since.
function learn.refused(number, at, retry_after, probe)
  s.refused = s.refused + 1
  teach(number, 1)
  if at == s.sent then -- nobody need keep the distance from a refused request
    s.sent, s.earlier = s.earlier, 0
  elseif at == s.earlier then
    s.earlier = 0
  end
  local held, length = holding(), 0
  local again = number == s.eager and s.refusal_streak == 1
  if again then
    undo_widening()
    s.rival = s.number
  end
  if not again and not (held and number <= s.mark) then
    s.refusal_streak = s.refusal_streak + 1
    if s.refusal_streak == 1 then
      s.margin = widened(number)
      s.level = s.margin
      if number == s.number then
        repeat_at_once()
      end
    end
    length = hold_length()
  end
  local gone = probe and math.max(0, now - at) or 0 -- the clock may have been set back meanwhile
  hold(math.max(length - gone, math.min(retry_after, LONGEST_RETRY_AFTER * MILLION)))
  if holding() and not held then
    s.holds = s.holds + 1
  end
end

for index = 5, #ARGV, 4 do
  local kind, number = ARGV[index], tonumber(ARGV[index + 1])
  local probe = number == s.probe
  if kind ~= 'sent' and probe then
    s.probe = 0
  end
  learn[kind](number, tonumber(ARGV[index + 2]), tonumber(ARGV[index + 3]), probe)
end

-- While a probe is out there is no start. Processes are told when to ask again, spaced like starts.
local wait, number, probe = 0, 0, 0
if wanted and holding() and s.probe > 0 and now < s.lease then
  s.ask = math.max(s.ask, now, s.lease - lease) + spacing()
  wait = s.ask - now
elseif wanted then
  local due = math.max(now, s.next, s.held)
  local late = due - s.next
  local made_up = (late < interval or s.margin < 0) and math.min(late, slack()) or 0
  s.number, s.before, s.next = s.number + 1, s.next, due - made_up + spacing()
  wait, number = due - now, s.number
  if holding() then
    probe, s.probe, s.lease = 1, s.number, due + lease
  end
end

if s.sent > now + MOST_WAITED * interval then -- no request waits that long: a clock was changed
  s.sent = 0
end

local state = {'format', FORMAT}
for _, names in ipairs(ALL) do
  for _, name in ipairs(names) do
    state[#state + 1] = field(name)
    -- Not whole: in a large fleet a success narrows the margin by less than a millionth.
    state[#state + 1] = string.format('%.3f', s[name])
  end
end
redis.call('HSET', KEYS[1], unpack(state))
local ahead = math.max(0, s.next - now, s.held - now) / 1000
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', KEPT + ahead))

return {
  wait, number, probe, now, s.next - now, s.held - now, s.number, s.refusal_streak, s.margin,
  s.accepted, s.refused, s.holds, s.trip, s.deviation,
}
