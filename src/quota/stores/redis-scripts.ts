import { redisScript } from '../../redis/script.ts'
import { WINDOW_MS } from '../window.ts'

/**
 * Counts what the fleet may send, in the window of the API, and grants a block of it. By the clock of Redis alone: it is the only one they share.
 *
 * A window opens unconfirmed when its predecessor ends; the first answer with a newer id confirms it. `foreign` is what the API counts beyond what
 * was granted: the spending of others, and of ourselves where Redis lost the count.
 * KEYS count pods, ARGV pod want reserve unspent ungranted id limit used lastsMs isAssumed (the last five empty where no limit was told), @returns granted isKept pods [since limit left endsInMs]
 */
export const TAKE = redisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = ${WINDOW_MS}
local pod, want, reserve, unspent, ungranted = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local id, limit, used, lasts, isAssumed = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1'

redis.call('ZADD', KEYS[2], now, pod)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - window)
redis.call('PEXPIRE', KEYS[2], 2 * window)
local pods = redis.call('ZCARD', KEYS[2])

local stored = redis.call('HMGET', KEYS[1], 'id', 'limit', 'granted', 'foreign', 'ends', 'confirmed', 'since')
local count = { confirmed = stored[6] == '1' }
for i, name in pairs({ 'id', 'limit', 'granted', 'foreign', 'ends', [7] = 'since' }) do
  count[name] = string.match(stored[i] or '', '^%-?%d+$') and #stored[i] < 16 and tonumber(stored[i])
  -- None yet, or somebody else's: then ours takes its place.
  if not count[name] then count = nil; break end
end
if count then
  -- Another master may have another clock.
  count.ends = math.min(count.ends, now + window)
  if now >= count.ends then
    count.ends = count.ends + (math.floor((now - count.ends) / window) + 1) * window
    count.granted, count.foreign, count.confirmed, count.since = 0, 0, false, now
  end
end

local isTold = false
if id and lasts > 0 then
  local ends = now + math.min(lasts, window)
  if not count then
    count = { id = id, limit = limit, granted = 0, foreign = 0, ends = ends, confirmed = not isAssumed, since = now }
  elseif isAssumed then
    lasts = 0
  elseif id > count.id then
    -- The last words of the window before, which nobody told of until now.
    local isLate = not count.confirmed and lasts < 1000 and count.ends - now > window / 2
    if isLate then
      lasts = 0
    else
      if count.confirmed then count.granted, count.foreign, count.since = 0, 0, now end
      count.id, count.limit, count.ends, count.confirmed = id, limit, ends, true
    end
  elseif count.confirmed and id == count.id then
    count.limit, count.ends = limit, math.min(count.ends, ends)
  elseif not count.confirmed and lasts > 2000 then
    -- Not what the clock made of it: the window goes on, or its id was garbage.
    count.id, count.limit, count.ends, count.confirmed = id, limit, ends, true
  else
    lasts = 0
  end
  isTold = lasts > 0 and not isAssumed
end

if not count then return { 0, 0, pods } end

if ungranted > 0 then
  -- Where the API has counted them, they were taken for the spending of others.
  count.granted = count.granted + ungranted
  count.foreign = math.max(count.foreign - ungranted, 0)
end

if isTold then count.foreign = math.max(count.foreign, used + unspent - count.granted) end

-- A limit of 0 too is worth a request in each window: else nobody would learn that it was raised.
local left = math.max(count.limit, 1) - count.granted - count.foreign
-- As reserve.ts has it.
local kept = math.ceil(count.limit * reserve * (count.ends - now) / window)
local granted, isKept = 0, 0
if want ~= 'look' then
  if left > kept then
    granted = math.min(math.max(math.floor((left - kept) / (4 * pods)), 1), 32)
  elseif want == 'write' and left > 0 then
    granted, isKept = 1, 1
  end
end
count.granted = count.granted + granted
local text = function (number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'id', text(count.id), 'limit', text(count.limit), 'granted', text(count.granted), 'foreign', text(count.foreign),
  'ends', text(count.ends), 'confirmed', count.confirmed and '1' or '0', 'since', text(count.since))
redis.call('PEXPIRE', KEYS[1], 10 * window)
return { granted, isKept, pods, text(count.since), count.limit, math.max(left - granted, 0), count.ends - now }`)

/**
 * Takes back what was not spent, in the same window; and forgets a process that ends.
 * KEYS count pods, ARGV pod since n isLeaving
 */
export const GIVE_BACK = redisScript(`
if ARGV[4] == '1' then redis.call('ZREM', KEYS[2], ARGV[1]) end
if redis.call('HGET', KEYS[1], 'since') ~= ARGV[2] then return 0 end
local granted = tonumber(redis.call('HGET', KEYS[1], 'granted'))
redis.call('HSET', KEYS[1], 'granted', string.format('%.0f', math.max(granted - tonumber(ARGV[3]), 0)))
return 1`)
