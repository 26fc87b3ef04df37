import { redisScript } from '../../redis/script.ts'

/**
 * Reads the token; where there is no other than the one that was seen, takes the lock in the same step, so that nobody writes in between.
 * Each lock has a higher fence than the one before; where Redis lost the last fence, the next is the time, which is higher too.
 * KEYS record lock fence forced, ARGV seen owner look|take|force lockMs forcedMs
 */
export const TAKE = redisScript(`
local record = redis.call('HMGET', KEYS[1], 'fence', 'box')
if record[1] and record[1] ~= ARGV[1] then return {'token', record[1], record[2] or '', redis.call('PTTL', KEYS[1])} end
if ARGV[3] == 'look' then return {'none'} end
if redis.call('EXISTS', KEYS[2]) == 1 then return {'busy'} end
if ARGV[3] == 'force' and not redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[5]) then return {'none'} end
redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[4])
local fence = redis.call('INCR', KEYS[3])
if fence == 1 then
  local time = redis.call('TIME')
  fence = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('SET', KEYS[3], string.format('%.0f', fence))
end
redis.call('PEXPIRE', KEYS[3], 86400000)
return {'turn', string.format('%.0f', fence)}`)

/**
 * Writes the token, unless one with a higher fence is there: then this owner was paused, and another sidecar came first.
 * KEYS record lock, ARGV owner fence box leftMs
 */
export const KEEP = redisScript(`
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
local stored = redis.call('HGET', KEYS[1], 'fence')
if stored and tonumber(stored) >= tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'fence', ARGV[2], 'box', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`)

/** KEYS lock, ARGV owner lockMs */
export const RENEW = redisScript("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0")

/** KEYS lock, ARGV owner */
export const LEAVE = redisScript("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
