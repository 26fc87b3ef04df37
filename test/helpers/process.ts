import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Teardown } from './servers.ts'

const BUNDLE = fileURLToPath(new URL('../../dist/bookable-sidecar.cjs', import.meta.url))

/** For a process to leave its counts. */
const PATIENCE_MS = 1_000

/** A child process and what it said. */
export interface RunningProcess {
  readonly child: ChildProcess
  readonly output: { stdout: string, stderr: string }
  /** The first match in what it says, now or later. */
  seen (stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

/**
 * The built program, with nothing of this environment but PATH, and where V8 leaves its counts (`npm run coverage`): by env(1), since tap adds its own to
 * what a test spawns, and doubles the start.
 */
export function run (t: Teardown, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningProcess {
  const { PATH = '', NODE_V8_COVERAGE } = process.env
  const assignments = Object.entries({ PATH, ...NODE_V8_COVERAGE !== undefined && { NODE_V8_COVERAGE }, ...env }).map(([name, value]) => `${name}=${value}`)
  const child = spawn('/usr/bin/env', ['-i', ...assignments, process.execPath, BUNDLE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<number | NodeJS.Signals | null>(resolve => child.on('close', (code, signal) => resolve(code ?? signal)))
  t.teardown(async () => {
    // V8 leaves its counts where a process ends by itself, which it does at once at a second signal.
    if (NODE_V8_COVERAGE !== undefined && child.exitCode === null) {
      child.kill('SIGTERM')
      child.kill('SIGINT')
      await Promise.race([ended, new Promise(resolve => setTimeout(resolve, PATIENCE_MS))])
    }
    child.kill('SIGKILL')
  })
  return {
    child,
    output,
    ended,
    seen: (stream, pattern) => new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(output[stream])
        if (match === null) return
        listeners.delete(look)
        resolve(match)
      }
      listeners.add(look)
      look()
      void ended.then(() => reject(new Error(`ended without ${String(pattern)}: ${output.stdout}${output.stderr}`)))
    })
  }
}
