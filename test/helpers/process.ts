import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Teardown } from './servers.ts'

const BUNDLE = fileURLToPath(new URL('../../dist/bookable-sidecar.cjs', import.meta.url))

/** A child process and what it said. */
export interface RunningProcess {
  readonly child: ChildProcess
  readonly output: { stdout: string, stderr: string }
  /** The first match in what it says, now or later. */
  seen (stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

/** The built program, with nothing of this environment but PATH: by env(1), since tap adds its own to what a test spawns, and doubles the start. */
export function run (t: Teardown, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningProcess {
  const assignments = Object.entries({ PATH: process.env.PATH ?? '', ...env }).map(([name, value]) => `${name}=${value}`)
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
  t.teardown(() => { child.kill('SIGKILL') })
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
