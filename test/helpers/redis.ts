import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type Teardown } from './servers.ts'

/** What a fleet may run on. CI installs them, where Debian has them, so that nothing is skipped there. */
export const ENGINES = ['redis', 'valkey'].map(name => ({ name, skip: !hasProgram(`${name}-server`) && `${name}-server is not installed here` }))

const [FIRST_THERE] = ENGINES.filter(({ skip }) => skip === false)

/** For a test's `skip`: why, where there is no engine. CI skips none: there they fail. */
export const NO_REDIS = FIRST_THERE === undefined && process.env.CI !== 'true' && 'neither redis-server nor valkey-server is installed here'

export interface RunningRedis {
  readonly port: number
  /** redis://127.0.0.1:PORT */
  readonly url: string
  readonly child: ChildProcess
  /** A command in the protocol's own way, its reply as lines. */
  ask (...words: string[]): Promise<string>
  /** The same with another password. */
  askAs (password: string, ...words: string[]): Promise<string>
  /** Ends it at once, and waits until it is gone. */
  kill (): Promise<void>
}

/** An engine of its own on a free port, in a folder that goes with it. */
export async function startRedis (t: Teardown, options: readonly string[] = [], { engine = FIRST_THERE?.name ?? 'redis', port = undefined as number | undefined, password = '', mode = 'server' } = {}): Promise<RunningRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'redis-'))
  const own = port ?? await freePort()
  const config = join(dir, 'redis.conf')
  writeFileSync(config, [`dir ${dir}`, 'bind 127.0.0.1', ...options.some(line => line.startsWith('port ')) ? [] : [`port ${own}`], ...mode === 'server' ? ['save ""', 'appendonly no'] : [], ...options, ''].join('\n'))
  const child = spawn(`${engine}-server`, [config, ...mode === 'sentinel' ? ['--sentinel'] : []], { stdio: ['ignore', 'pipe', 'ignore'] })
  // A test that is cut off tears nothing down.
  const killNow = (): void => { child.kill('SIGKILL') }
  process.once('exit', killNow)
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  t.teardown(async () => {
    await kill()
    process.off('exit', killNow)
    rmSync(dir, { recursive: true, force: true })
  })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (/Ready to accept connections|Sentinel ID is|monitor master/.test(said)) resolve()
    })
    void ended.then(() => reject(new Error(`${engine}-server ended: ${said}`)))
  })
  return { port: own, url: `redis://127.0.0.1:${own}`, child, kill, ask: async (...words) => ask(own, words, password), askAs: async (other, ...words) => ask(own, words, other) }
}

/** A sentinel that watches one master, `mymaster`, and is quick to replace it. */
export async function startSentinel (t: Teardown, masterPort: number): Promise<RunningRedis> {
  return startRedis(t, [
    `sentinel monitor mymaster 127.0.0.1 ${masterPort} 1`, 'sentinel down-after-milliseconds mymaster 300', 'sentinel failover-timeout mymaster 2000'
  ], { mode: 'sentinel' })
}

async function ask (port: number, words: readonly string[], password: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const encode = (parts: readonly string[]): string => `*${parts.length}\r\n${parts.map(part => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`
    let reply = ''
    socket.setEncoding('utf8').on('error', reject).on('data', (text: string) => { reply += text })
    socket.on('close', () => resolve((password === '' ? reply : reply.replace(/^\+OK\r\n/, '')).trim()))
    // Not QUIT, which a sentinel does not know.
    socket.end((password === '' ? '' : encode(['AUTH', password])) + encode(words))
  })
}

function hasProgram (name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
