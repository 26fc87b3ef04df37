import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock, type Clock } from '../../src/clock.ts'
import { fileSecret, fixedSecret, type SecretSource } from '../../src/config/secret-source.ts'
import { RedisHome } from '../../src/redis/home.ts'
import type { RedisState } from '../../src/redis/link.ts'
import { redisScript } from '../../src/redis/script.ts'
import { RedisSource } from '../../src/redis/source.ts'
import { RedisAway, troubleOf } from '../../src/redis/trouble.ts'
import { FakeClock, settle } from '../helpers/fake-clock.ts'
import { NO_REDIS, startRedis, startSentinel, type RunningRedis } from '../helpers/redis.ts'
import { freePort, startTcpServer, type Teardown } from '../helpers/servers.ts'
import { startTlsServer } from '../helpers/tls.ts'
import { untilElsewhere } from '../helpers/until.ts'

const ECHO = redisScript("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")
const KEYS = ['{bookable-sidecar}:test']

/** A home of Redis: where it has to find out by itself, on the machine's own clock, which is that of Redis. */
function startHome (t: Teardown, url: string | SecretSource, clock: Clock = systemClock) {
  const changes: RedisState[] = []
  const listeners = new Set<() => void>()
  const source = new RedisSource(typeof url === 'string' ? fixedSecret(url) : url, () => {})
  const home = new RedisHome({
    clock,
    random: () => 0,
    source,
    onChange (state) {
      changes.push(state)
      for (const listener of listeners) listener()
    }
  })
  t.teardown(() => home.stop())
  home.start()
  const isSo = (state: RedisState, level: RedisState['level'], reason?: string): boolean => state.level === level && (reason === undefined || state.trouble?.reason === reason)
  return {
    home,
    changes,
    /** The changes in words; not how slow a busy machine may be in between. */
    words: () => changes.filter(({ level }) => level !== 'slow').map(({ level, trouble }) => trouble === undefined ? level : `${level}, ${trouble.reason}`)
      .filter((word, i, words) => word !== words[i - 1]),
    /** It is so now, or will be. */
    async becomes (level: RedisState['level'], reason?: string): Promise<RedisState> {
      while (!isSo(home.state, level, reason)) await new Promise<void>(resolve => listeners.add(resolve))
      return home.state
    }
  }
}

/** In what words `work` is refused; on a clock that stands still, at once. */
async function refusal (work: Promise<unknown>): Promise<unknown> {
  return work.then(() => undefined, (error: unknown) => error)
}

/** Whether `work` is refused when so much time has passed, and not a millisecond before. */
async function isRefusedAfter (clock: FakeClock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const refusals: unknown[] = []
  work.catch((error: unknown) => refusals.push(error))
  await clock.advanceMs(ms - 1)
  const early = refusals.length
  await clock.advanceMs(1)
  return early === 0 && refusals[0] instanceof RedisAway
}

function blockFor (ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

t.test('a script runs, also when Redis has forgotten it', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const { home, words } = startHome(t, redis.url)
  t.equal(await home.run(ECHO, KEYS, ['one'], 'start'), 'one')
  await redis.ask('SCRIPT', 'FLUSH')
  t.equal(await home.run(ECHO, KEYS, ['two'], 'patient'), 'two')
  t.same(words(), ['up'])
  t.ok(home.isUp)
})

t.test('a process that was itself held up does not call Redis late', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const { home, becomes } = startHome(t, redis.url)
  await becomes('up')
  // Once before, so that its text need not travel.
  await home.run(ECHO, KEYS, ['zero'], 'patient')
  const answer = home.run(ECHO, KEYS, ['one'])
  await new Promise(resolve => setImmediate(resolve))
  // Much longer than the limit, so that Redis answers meanwhile on a busy machine too.
  blockFor(500)
  t.equal(await answer, 'one')
  t.ok(home.isUp)
})

t.test('a Redis that hangs holds nobody longer than the limit, and the next not at all; it comes back by itself', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const clock = new FakeClock()
  const { home, becomes, words } = startHome(t, redis.url, clock)
  await becomes('up')
  redis.child.kill('SIGSTOP')
  t.ok(await isRefusedAfter(clock, 50, home.run(ECHO, KEYS, ['one'])))
  t.match(await refusal(home.run(ECHO, KEYS, ['two'])), { name: 'RedisAway' })
  t.ok(await isRefusedAfter(clock, 500, home.run(ECHO, KEYS, ['three'], 'patient')))
  await becomes('away', 'slow')
  t.match(await refusal(home.run(ECHO, KEYS, ['four'], 'patient')), { name: 'RedisAway' })
  redis.child.kill('SIGCONT')
  // The next try.
  await clock.advanceMs(50)
  await becomes('up')
  t.equal(await home.run(ECHO, KEYS, ['five'], 'patient'), 'five')
  t.same(words(), ['up', 'away, slow', 'up'])
})

t.test('a hiccup that is over when it is looked into is not worth a word', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const clock = new FakeClock()
  const { home, becomes, words } = startHome(t, redis.url, clock)
  await becomes('up')
  redis.child.kill('SIGSTOP')
  t.ok(await isRefusedAfter(clock, 50, home.run(ECHO, KEYS, ['one'])))
  const patient = home.run(ECHO, KEYS, ['two'], 'patient')
  redis.child.kill('SIGCONT')
  t.equal(await patient, 'two')
  t.same(words(), ['up'])
})

t.test('a Redis that is killed and started again is away, once in the log, and back', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const { home, becomes, words } = startHome(t, redis.url)
  await becomes('up')
  await redis.kill()
  await becomes('away', 'down')
  await startRedis(t, [], { port: redis.port })
  await becomes('up')
  t.equal(await home.run(ECHO, KEYS, ['one'], 'patient'), 'one')
  t.same(words(), ['up', 'away, down', 'up'])
})

t.test('a Redis that is not there is told at once, with its address', async t => {
  const port = await freePort()
  const { home, becomes } = startHome(t, `redis://127.0.0.1:${port}`)
  t.match(await becomes('away'), { trouble: { reason: 'down', detail: new RegExp(`ECONNREFUSED.*${port}`) } })
  t.match(await refusal(home.run(ECHO, KEYS, ['one'], 'start')), { name: 'RedisAway' })
})

t.test('a full Redis passes a PING and is away all the same, until there is room', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t, ['maxmemory-policy noeviction'])
  const clock = new FakeClock()
  const { home, becomes } = startHome(t, redis.url, clock)
  await becomes('up')
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1')
  t.equal(await redis.ask('PING'), '+PONG')
  t.match(await refusal(home.run(ECHO, KEYS, ['one'])), { name: 'RedisAway', message: /^full: OOM/ })
  await becomes('away', 'full')
  await redis.ask('CONFIG', 'SET', 'maxmemory', '0')
  await clock.advanceMs(50)
  await becomes('up')
})

t.test('a replica is read-only, and away until it is the master', { skip: NO_REDIS }, async t => {
  const master = await startRedis(t)
  const replica = await startRedis(t, [`replicaof 127.0.0.1 ${master.port}`])
  const { becomes, words } = startHome(t, replica.url)
  await becomes('away', 'read-only')
  await replica.ask('REPLICAOF', 'NO', 'ONE')
  await becomes('up')
  t.same(words(), ['away, read-only', 'up'])
})

t.test('a rotated password is read from its file, and shown to nobody', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t, ['requirepass first-obviously-fake'], { password: 'first-obviously-fake' })
  const dir = mkdtempSync(join(tmpdir(), 'redis-url-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'url')
  const rotate = (password: string): void => writeFileSync(path, `redis://:${password}@127.0.0.1:${redis.port}\n`)
  rotate('first-obviously-fake')
  const { home, changes, becomes, words } = startHome(t, fileSecret('REDIS_URL', path))
  await becomes('up')
  // The server first: its old connections stay, until they are cut.
  await redis.ask('CONFIG', 'SET', 'requirepass', 'second-obviously-fake')
  await redis.askAs('second-obviously-fake', 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await becomes('away')
  await becomes('away', 'refused')
  t.match(await refusal(home.run(ECHO, KEYS, ['one'])), { name: 'RedisAway' })
  rotate('second-obviously-fake')
  await becomes('up')
  t.equal(await home.run(ECHO, KEYS, ['two'], 'patient'), 'two')
  t.equal(words().at(-2), 'away, refused')
  t.notMatch(JSON.stringify(changes), 'obviously-fake')
})

t.test('a password that is rotated while the connection stands is used from the next look on', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t, ['user one on >obviously-fake ~* +@all', 'user two on >obviously-fake ~* +@all'])
  const dir = mkdtempSync(join(tmpdir(), 'redis-url-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'url')
  const rotate = (user: string): void => writeFileSync(path, `redis://${user}:obviously-fake@127.0.0.1:${redis.port}\n`)
  rotate('one')
  const clock = new FakeClock()
  const { becomes, words } = startHome(t, fileSecret('REDIS_URL', path), clock)
  await becomes('up')
  rotate('two')
  await clock.advanceMs(5_000)
  // The clock stands still from here on: however long it takes, nobody is late.
  while (!/ user=two /.test(await redis.ask('CLIENT', 'LIST'))) await settle()
  t.notMatch(await redis.ask('CLIENT', 'LIST'), / user=one /)
  t.same(words(), ['up'])
})

t.test('a Redis whose certificate nobody vouches for gets no password, and is told of', async t => {
  const { url } = await startTlsServer(t, () => t.fail('it was spoken to'))
  const { port } = new URL(url)
  for (const [way, trouble] of [
    [`rediss://:obviously-fake@localhost:${port}`, { reason: 'untrusted', detail: /self-signed/ }],
    // ioredis does not say what is wrong with a sentinel.
    [`rediss+sentinel://user:obviously-fake@127.0.0.1:${port}/mymaster?sentinelUsername=user&sentinelPassword=obviously-fake`, { reason: 'down', detail: /no sentinel can be asked/ }]
  ] as const) t.match(await startHome(t, way).becomes('away'), { trouble }, way)
})

t.test('a Redis that accepts connections and says nothing holds the patient no longer than their limit', async t => {
  const clock = new FakeClock()
  const { home } = startHome(t, (await startTcpServer(t, () => {})).replace('http', 'redis'), clock)
  const refused = refusal(home.run(ECHO, KEYS, ['one'], 'patient'))
  await clock.advanceMs(500)
  t.match(await refused, { name: 'RedisAway', message: 'not connected in time' })
})

t.test('of a host name with many addresses it is told what each of them said', async t => {
  const error = new AggregateError([new Error('connect ECONNREFUSED ::1:6379'), new Error('connect ECONNREFUSED 127.0.0.1:6379')])
  t.match(troubleOf(error, []), { reason: 'down', detail: 'connect ECONNREFUSED ::1:6379; connect ECONNREFUSED 127.0.0.1:6379' })
})

t.test('a user with too few rights is refused, and told which', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t, ['user limited on >obviously-fake ~* +get', 'user fleet on >obviously-fake ~{bookable-sidecar}:* +@connection +@read +@write +@scripting'])
  t.match(await startHome(t, `redis://limited:obviously-fake@127.0.0.1:${redis.port}`).becomes('away'), { level: 'away', trouble: { reason: 'refused', detail: /NOPERM.*evalsha/ } })
  t.match(await startHome(t, `redis://fleet:obviously-fake@127.0.0.1:${redis.port}/3`).becomes('up'), { level: 'up' })
  t.match(await startHome(t, `redis://fleet:obviously-fake@127.0.0.1:${redis.port}/99`).becomes('away'), { level: 'away', trouble: { reason: 'refused', detail: /DB index/ } })
})

t.test('a sentinel that refuses the password is told from one that is down', { skip: NO_REDIS }, async t => {
  const sentinel = await startRedis(t, ['requirepass obviously-fake'], { mode: 'sentinel', password: 'obviously-fake' })
  const { trouble } = await startHome(t, `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster?sentinelPassword=another-obvious-fake`).becomes('away')
  t.match(trouble, { reason: 'refused', detail: /^no sentinel can be asked: WRONGPASS/ })
})

t.test('a Redis that always takes longer than a request may wait serves the patient alone', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const url = await startDelay(t, redis.port, 60)
  const { home, becomes } = startHome(t, url)
  t.match(await becomes('slow'), { trouble: { reason: 'slow' } })
  t.notOk(home.isUp)
  t.match(await refusal(home.run(ECHO, KEYS, ['one'])), { name: 'RedisAway' })
  t.equal(await home.run(ECHO, KEYS, ['two'], 'patient'), 'two')
})

/** Connections as they come, by this machine's clock: a slow one makes the pauses between them longer, and never shorter. */
function connections () {
  const timesMs: number[] = []
  let onNext = (): void => {}
  return {
    /** @returns which one it is, from 1 */
    count () {
      timesMs.push(systemClock.monotonicMs())
      onNext()
      return timesMs.length
    },
    /** From the one to the other, once they are there. */
    async between (from: number, to: number): Promise<number> {
      while (timesMs.length < to) await new Promise<void>(resolve => { onNext = resolve })
      return (timesMs[to - 1] ?? 0) - (timesMs[from - 1] ?? 0)
    }
  }
}

t.test('a Redis that closes each connection is tried after pauses that grow, and told once', async t => {
  const { count, between } = connections()
  const url = await startTcpServer(t, socket => {
    count()
    socket.end('-ERR max number of clients reached\r\n')
  })
  const { words } = startHome(t, url.replace('http', 'redis'))
  const ms = await between(1, 4)
  // Timers may be a little early.
  t.ok(ms > 50 + 100 + 200 - 10, `${ms} ms`)
  t.equal(words().length, 1)
})

t.test('a Redis that served well before, and now closes each connection as soon as it was of use, is tried after pauses that grow', { skip: NO_REDIS }, async t => {
  const redis = await startRedis(t)
  const { count, between } = connections()
  const server = createServer(socket => {
    const inward = connect(redis.port, '127.0.0.1')
    const isFirst = count() === 1
    for (const end of [socket, inward]) end.on('error', () => {}).on('close', () => [socket, inward].forEach(each => each.destroy()))
    socket.pipe(inward).pipe(socket)
    // Soon after the answer to the probe, and for the first one a second later.
    inward.once('data', () => setTimeout(() => inward.destroy(), isFirst ? 1_200 : 30))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  startHome(t, `redis://127.0.0.1:${(server.address() as AddressInfo).port}`)
  // The second may come at once.
  const ms = await between(2, 5)
  t.ok(ms > 50 + 100 + 200 - 10, `${ms} ms`)
})

t.test('where there is more than one Redis', { skip: NO_REDIS }, async t => {
  t.jobs = 2
  t.test('a sentinel leads to the next master', { buffered: true }, async t => {
    const master = await startRedis(t, ['repl-diskless-sync-delay 0'])
    const replica = await startRedis(t, [`replicaof 127.0.0.1 ${master.port}`])
    await untilElsewhere(async () => /master_link_status:up/.test(await replica.ask('INFO', 'replication')))
    const sentinel = await startSentinel(t, master.port)
    await untilElsewhere(async () => (await sentinel.ask('SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replica.port)))
    const { home, becomes } = startHome(t, `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/mymaster`)
    await becomes('up')
    t.equal(await home.run(ECHO, KEYS, ['one'], 'patient'), 'one')
    t.match(await master.ask('GET', KEYS[0] ?? ''), 'one')
    await master.kill()
    await becomes('away')
    await becomes('up')
    t.equal(await home.run(ECHO, KEYS, ['two'], 'patient'), 'two')
    t.match(await replica.ask('GET', KEYS[0] ?? ''), 'two')
  })

  t.test('a cluster serves by any of its nodes, also those who ask at the same time', { buffered: true }, async t => {
    const [first, owner] = await startCluster(t)
    const { home, becomes, words } = startHome(t, `redis+cluster://127.0.0.1:1,localhost:${first.port}`)
    // Before it is known which of the nodes has the key.
    t.same(await Promise.all(['one', 'two', 'three'].map(async word => home.run(ECHO, KEYS, [word], 'start'))), ['one', 'two', 'three'])
    await becomes('up')
    t.same(words(), ['up'])
    t.match(await owner.ask('GET', KEYS[0] ?? ''), 'three')
    await owner.kill()
    await becomes('away')
  })
})

/** Three masters; the second has the keys of ours. */
async function startCluster (t: Teardown): Promise<[RunningRedis, RunningRedis, RunningRedis]> {
  const start = async (slots: readonly [string, string]): Promise<{ node: RunningRedis, bus: number }> => {
    const bus = await freePort()
    const node = await startRedis(t, ['cluster-enabled yes', 'cluster-announce-ip 127.0.0.1', `cluster-port ${bus}`])
    await node.ask('CLUSTER', 'ADDSLOTSRANGE', ...slots)
    return { node, bus }
  }
  const all = [await start(['0', '5461']), await start(['5462', '10922']), await start(['10923', '16383'])] as const
  for (const { node, bus } of all.slice(1)) await all[0].node.ask('CLUSTER', 'MEET', '127.0.0.1', String(node.port), String(bus))
  for (const { node } of all) {
    await untilElsewhere(async () => /cluster_state:ok[^]*cluster_slots_ok:16384[^]*cluster_known_nodes:3/.test(await node.ask('CLUSTER', 'INFO')))
  }
  return [all[0].node, all[1].node, all[2].node]
}

/** A way to Redis on which each byte takes a while. */
async function startDelay (t: Teardown, port: number, ms: number): Promise<string> {
  const server = createServer(socket => {
    const inward = connect(port, '127.0.0.1')
    const hand = (from: typeof socket, to: typeof socket): void => {
      from.on('error', () => to.destroy()).on('close', () => to.destroy()).on('data', data => setTimeout(() => to.write(data), ms / 2))
    }
    hand(socket, inward)
    hand(inward, socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
}
