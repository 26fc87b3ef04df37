import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { FileTokenStore } from '../../../src/token/stores/file.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { json, readBody, startRefusing, startServer, type Teardown } from '../../helpers/servers.ts'
import { startTestSidecar } from '../../helpers/sidecar.ts'
import { CountingEndpoint, HOUR_MS, seal, startCache } from './helper.ts'

/** A folder for the file, and sidecars that start one after another on it. */
function setUp (t: Teardown) {
  const dir = mkdtempSync(join(tmpdir(), 'token-store-'))
  // A token may just be on its way into it.
  t.teardown(() => rm(dir, { recursive: true, maxRetries: 10 }))
  const path = join(dir, 'token')
  const clock = new FakeClock()
  const endpoint = new CountingEndpoint()
  const warnings: string[] = []
  const start = async ({ sealedBy = seal(), requiredScopes = [] as readonly string[] } = {}) => {
    const onRefused = (reason: string): void => { warnings.push(reason) }
    const started = startCache(t, { clock, endpoint, requiredScopes, onRefused, store: new FileTokenStore({ clock, path, readSeal: () => sealedBy, onRefused }) })
    started.cache.start()
    await started.event(1)
    await started.written()
    return started
  }
  return { dir, path, clock, endpoint, warnings, start }
}

t.test('a restart within the lifetime costs no token request', async t => {
  const { clock, endpoint, start, path, dir, warnings } = setUp(t)
  const first = await start()
  t.equal(first.now(), 'token-1')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(dir), ['token'])
  t.notMatch(readFileSync(path, 'latin1'), 'token-1')
  first.cache.stop()
  await clock.advanceMs(HOUR_MS / 2)
  const second = await start()
  t.equal(second.now(), 'token-1')
  t.same(second.events, ['start, stored'])
  t.equal(endpoint.requests, 1)
  // Its life goes on where it was.
  t.equal(second.cache.status.held?.expiresAtMs, first.cache.status.held?.expiresAtMs)
  t.equal(second.cache.status.held?.refreshesAtMs, first.cache.status.held?.refreshesAtMs)
  t.same(warnings, [])
})

t.test('a restart after the lifetime costs one, and one in its last minute serves the old meanwhile', async t => {
  const { clock, endpoint, start } = setUp(t);
  (await start()).cache.stop()
  await clock.advanceMs(HOUR_MS - 30_000)
  let open = (): void => {}
  endpoint.gate = new Promise(resolve => { open = resolve })
  const second = await start()
  t.equal(second.now(), 'token-1')
  await endpoint.asked(2)
  open()
  await second.event(2)
  await second.written()
  t.equal(second.now(), 'token-2')
  second.cache.stop()
  await clock.advanceMs(HOUR_MS + 1)
  t.equal((await start()).now(), 'token-3')
})

const NEWER = JSON.stringify({ format: 2, box: 'from the future' })

for (const [what, spoil, warning, isReplaced] of [
  ['torn', path => writeFileSync(path, readFileSync(path).subarray(0, 40)), /torn, or no token store; it will be replaced/, true],
  ['empty', path => writeFileSync(path, ''), /torn, or no token store/, true],
  ['cut and closed again', path => writeFileSync(path, JSON.stringify({ format: 1, box: 'AAAA' })), /is torn, was changed, or is for another client/, true],
  ['tampered with', path => {
    const { box } = JSON.parse(readFileSync(path, 'utf8')) as { box: string }
    const bytes = Buffer.from(box, 'base64')
    bytes[40] = (bytes[40] ?? 0) ^ 1
    writeFileSync(path, JSON.stringify({ format: 1, box: bytes.toString('base64') }))
  }, /was changed/, true],
  ['readable by others', path => chmodSync(path, 0o640), /may be read or written by others \(mode 640\); it will be replaced/, true],
  ['larger than any token', path => writeFileSync(path, 'x'.repeat(300_000)), /larger/, true],
  ['a link elsewhere', path => {
    rmSync(path)
    writeFileSync(`${path}-elsewhere`, 'mine', { mode: 0o600 })
    symlinkSync(`${path}-elsewhere`, path)
  }, /cannot be read \(ELOOP\)/, true],
  ['a folder', path => {
    rmSync(path)
    mkdirSync(path)
  }, /is no file/, false],
  ['of a format of the future', path => writeFileSync(path, NEWER), /written by a newer version \(format 2\); it is left alone/, false]
] as ReadonlyArray<readonly [string, (path: string) => void, RegExp, boolean]>) {
  t.test(`a file that is ${what} is refused with a clear warning and ${isReplaced ? 'replaced' : 'left as it is'}`, async t => {
    const { path, endpoint, start, warnings } = setUp(t);
    (await start()).cache.stop()
    spoil(path)
    const second = await start()
    t.equal(second.now(), 'token-2')
    t.match(warnings[0], warning)
    t.notMatch(warnings.join(), /token-\d|obviously-fake/)
    second.cache.stop()
    if (what === 'a link elsewhere') t.equal(readFileSync(`${path}-elsewhere`, 'utf8'), 'mine')
    if (what === 'of a format of the future') t.equal(readFileSync(path, 'utf8'), NEWER)
    await start()
    t.equal(endpoint.requests, isReplaced ? 2 : 3)
  })
}

for (const [what, other] of [
  ['secret', seal('another-obviously-fake')],
  ['audience', seal(undefined, { audience: 'other.example' })],
  ['token URL', seal(undefined, { tokenUrl: new URL('https://other.example/token') })]
] as const) {
  t.test(`a token for another ${what} is never used`, async t => {
    const { start, warnings } = setUp(t);
    (await start()).cache.stop()
    t.equal((await start({ sealedBy: other })).now(), 'token-2')
    t.match(warnings, [/is for another client, secret, token URL, audience or scope; it will be replaced/])
  })
}

t.test('a stored token is verified as a new one is', async t => {
  const { start, warnings, endpoint } = setUp(t);
  (await start()).cache.stop()
  const second = await start({ requiredScopes: ['venue-booking:create'] })
  t.equal(second.now(), undefined)
  t.equal(endpoint.requests, 2)
  t.match(warnings, [/lacks scope "venue-booking:create"/])
  t.match(second.events, [/^TOKEN-R-002/])
})

t.test('while the keys of the issuer cannot be had, a stored token is not used, and none is asked for', async t => {
  const { path } = setUp(t)
  const env = { TOKEN_STORE: 'file', TOKEN_STORE_PATH: path }
  const first = await startTestSidecar(t, { env })
  await first.line('token refreshed')
  await first.drain()
  const clock = new FakeClock(Date.now())
  const { line, drain } = await startTestSidecar(t, { clock, env: { ...env, BOOKABLE_TOKEN_URL: first.tokenServer.url, VERIFY_TOKEN: 'signature', BOOKABLE_ISSUER: `${await startRefusing(t)}/` } })
  await clock.runUntil(line('no usable token', 4))
  t.equal(first.tokenServer.requests, 1)
  await clock.runUntil(drain())
})

t.test('refused credentials are tried again as soon as their file is rotated, with a store too', async t => {
  const { dir, path } = setUp(t)
  const secret = join(dir, 'secret')
  writeFileSync(secret, 'old-and-fake')
  const origin = await startServer(t, (req, res) => {
    void readBody(req).then(body => String(body).includes('new-and-fake') ? json(res, 200, { access_token: 'a', expires_in: 3600 }) : json(res, 401, { error: 'access_denied' }))
  })
  const clock = new FakeClock()
  const { line, drain } = await startTestSidecar(t, {
    clock, env: { TOKEN_STORE: 'file', TOKEN_STORE_PATH: path, BOOKABLE_TOKEN_URL: `${origin}/token`, BOOKABLE_CLIENT_SECRET: '', BOOKABLE_CLIENT_SECRET_FILE: secret }
  })
  await clock.runUntil(line('no usable token', 3))
  writeFileSync(secret, 'new-and-fake')
  await clock.runUntil(line('token refreshed'))
  t.match(await line('token refreshed'), { reason: 'rotated' })
  await clock.runUntil(drain())
})

t.test('a token from before the clock was set back is not believed', async t => {
  const { clock, start, warnings } = setUp(t);
  (await start()).cache.stop()
  clock.jumpWallMs(-HOUR_MS)
  t.equal((await start()).now(), 'token-2')
  t.match(warnings, [/the clock was set back; it will be replaced/])
})

/** A cache over a file of its own choice. */
async function startOn (t: Teardown, path: string): Promise<{ readonly now: string | undefined, readonly warnings: readonly string[] }> {
  const clock = new FakeClock()
  const warnings: string[] = []
  const onRefused = (reason: string): void => { warnings.push(reason) }
  const { cache, now, written } = startCache(t, { clock, endpoint: new CountingEndpoint(), onRefused, store: new FileTokenStore({ clock, path, readSeal: () => seal(), onRefused }) })
  cache.start()
  await cache.get().catch(() => {})
  await written()
  return { now: now(), warnings }
}

t.test('where nothing can be written the token is kept in memory, with a warning', async t => {
  const { now, warnings } = await startOn(t, join(setUp(t).dir, 'missing', 'token'))
  t.equal(now, 'token-1')
  t.match(warnings, [/missing\/token cannot be written \(ENOENT\); the token is kept in memory/])
})

// It opens, and has no first byte.
const UNREADABLE = '/proc/self/mem'

t.test('a disk that fails while it is read costs a token request, and no more', { skip: !existsSync(UNREADABLE) && `no ${UNREADABLE} here` }, async t => {
  const { now, warnings } = await startOn(t, UNREADABLE)
  t.equal(now, 'token-1')
  t.match(warnings, [/^\/proc\/self\/mem cannot be read \(EIO\); it will be replaced/, /cannot be written/])
})
