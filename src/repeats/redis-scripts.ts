import { redisScript } from '../redis/script.ts'

/**
 * A record is a hash: `owner` (one claim of one sidecar), `print` (the sealed fingerprint of the request), `lease` (its end by the clock of Redis;
 * `none` after nothing was done, `lapsed` once somebody was told that the outcome is unknown) and, after the end, `box` (the sealed outcome).
 *
 * Claims a record, or renews it: an owner that did not hear the answer asks again, and gets its record again, unless it is `lapsed`: then the
 * request must not be sent any more. A record that Redis lost is made anew. A claim that arrives after its owner's LEAVE does nothing.
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
  -- Not call: a Redis that takes no writes must give this answer too.
  redis.pcall('HSET', KEYS[1], 'lease', 'lapsed')
  return {'lapsed', print}
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'print', ARGV[2], 'lease', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3] + ARGV[4])
return {'mine'}`)

/**
 * Keeps an outcome, also where the record was lost or its lease had lapsed; never over the record of another owner.
 * KEYS record, ARGV owner print box ttlMs
 */
export const FINISH = redisScript(`
local owner, lease = unpack(redis.call('HMGET', KEYS[1], 'owner', 'lease'))
if owner and owner ~= ARGV[1] and lease ~= 'none' then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'print', ARGV[2], 'lease', '0', 'box', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`)

/**
 * Nothing was done: anybody may claim the id. The record stays for a while, so that a late claim of this owner is recognised.
 * KEYS record, ARGV owner graceMs
 */
export const LEAVE = redisScript(`
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'lease', 'none')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)
