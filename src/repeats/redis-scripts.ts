import { redisScript } from '../redis/script.ts'

/**
 * A record is a hash: its owner (one claim of one sidecar), `print` (what request it is), `lease` (until when its owner lives, by the clock of
 * Redis; `none` after nothing was done, `lapsed` once somebody was told that nobody knows) and, once it has ended, `box` (its outcome).
 *
 * Claims a record, and renews it: whoever did not hear the answer asks again, and what it owns already it gets again, unless somebody was told
 * that nobody knows: then it must not leave any more. One that was lost is made anew. Late, after its owner has left it, the script does nothing.
 * KEYS record, ARGV owner print leaseMs ttlMs
 */
export const CLAIM = redisScript(`
local owner, print, lease, box = unpack(redis.call('HMGET', KEYS[1], 'owner', 'print', 'lease', 'box'))
if box then return {'ended', print, box} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if lease == 'none' then
  if owner == ARGV[1] then return {'left'} end
elseif lease == 'lapsed' then
  return {'lapsed', print}
elseif owner and owner ~= ARGV[1] then
  if tonumber(lease) > now then return {'running', print} end
  -- A Redis that takes no write tells it all the same.
  redis.pcall('HSET', KEYS[1], 'lease', 'lapsed')
  return {'lapsed', print}
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'print', ARGV[2], 'lease', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3] + ARGV[4])
return {'mine'}`)

/**
 * Keeps an outcome, also where the record was lost or its lease had lapsed; never over that of another.
 * KEYS record, ARGV owner print box ttlMs
 */
export const FINISH = redisScript(`
local owner, lease = unpack(redis.call('HMGET', KEYS[1], 'owner', 'lease'))
if owner and owner ~= ARGV[1] and lease ~= 'none' then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'print', ARGV[2], 'lease', '0', 'box', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`)

/**
 * Nothing was done: anybody may claim it. It stays for a while, so that a claim of this owner that comes late is known as such.
 * KEYS record, ARGV owner graceMs
 */
export const LEAVE = redisScript(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'lease', 'none')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)
