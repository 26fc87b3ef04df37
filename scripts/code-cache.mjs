import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** It only makes starts faster: after this, or where there is no loopback, it goes without. */
const TIMEOUT_MS = 20_000

/**
 * Where the loader looks for it.
 * @param {string} folder of the loader and the program
 */
export const codeOf = folder => `${folder}/program.${process.arch}.cache`

/**
 * Runs the program up to its first answer, and saves the code that V8 made of it, functions that were called included.
 * @param {string} folder of the loader and the program
 */
export async function saveCode (folder) {
  const path = codeOf(folder)
  // Empty, so that the loader goes the way on which there is code, and makes it.
  writeFileSync(path, '')
  const child = spawn(process.execPath, ['--require', './scripts/save-code.cjs', `${folder}/bookable-sidecar.cjs`, 'demo'], {
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0', NODE_OPTIONS: '' }
  })
  const killing = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line)
    if (msg !== 'listening') continue
    const answer = await fetch(`${url}/venues`)
    await answer.text()
    child.send(path)
    break
  }
  child.stdout.resume()
  const [code] = await ended
  clearTimeout(killing)
  if (code === 0) return
  rmSync(path)
  process.stderr.write(`no compiled code was saved, starts will be slower: the program ended with ${code}\n`)
}
