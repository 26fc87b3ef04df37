import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** What of a line the logger writes at a terminal, after `before`. */
async function atTerminal (before = ''): Promise<string> {
  const code = `${before}; import("./src/logger.ts").then(({ createLogger }) => createLogger("info").info({ port: 1 }, "ready"))`
  const { stdout } = await promisify(execFile)('script', ['-qec', `'${process.execPath}' --import ./test/loader/register.mjs -e '${code}'`, '/dev/null'], { cwd: ROOT })
  return stdout
}

// The one of util-linux; others take other options.
t.test('at a terminal', { skip: process.platform !== 'linux' && 'script(1) makes no terminal here' }, async t => {
  t.test('a line is made for a person, where pino-pretty is installed', async t => {
    t.match(await atTerminal(), /INFO.*ready.*\{"port":1\}/)
  })

  t.test('without pino-pretty it is JSON, as anywhere else', async t => {
    const hide = 'const module = require("node:module"), resolve = module._resolveFilename; module._resolveFilename = (name, ...rest) => resolve(name === "pino-pretty" ? "not-installed" : name, ...rest)'
    t.match(JSON.parse(await atTerminal(hide)), { level: 30, port: 1, msg: 'ready' })
  })
})
