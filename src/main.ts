import { parseArgs } from 'node:util'
import { SettingsError } from './config/read-settings.ts'
import { ListenError } from './http/listener.ts'
import { COMMANDS, helpText, suggestionFor, UsageError, type CommandName } from './commands/help.ts'
import { lowerFirst } from './printable.ts'
import { VERSION } from './version.ts'

const EXIT = { ok: 0, failed: 1, usage: 2 } as const

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  json: { type: 'boolean' },
  timeout: { type: 'string' },
  fault: { type: 'string', multiple: true }
} as const

/**
 * Runs the command that the arguments name.
 * @returns the exit code, or undefined while the command goes on
 */
async function run (args: readonly string[]): Promise<number | undefined> {
  const { command, options } = readArguments(args)
  if (options.help === true) return print(helpText())
  if (options.version === true) return print(`${VERSION}\n`)
  // Each command is loaded when it is asked for: a health check needs no server.
  switch (command) {
    case 'serve': {
      const { serve } = await import('./commands/serve.ts')
      await serve(process.env)
      return undefined
    }
    case 'demo': {
      const { demo } = await import('./commands/demo.ts')
      await demo(process.env, options.fault ?? [], text => process.stderr.write(text))
      return undefined
    }
    case 'check': {
      const { check, reportOf } = await import('./commands/check.ts')
      const steps = await check(process.env)
      print(reportOf(steps, options.json === true ? 'json' : 'text'))
      return steps.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed
    }
    case 'wait': {
      const { waitUntilReady } = await import('./commands/wait.ts')
      return answer(waitUntilReady(process.env, timeoutMs(options.timeout)))
    }
    case 'healthcheck': {
      const { askReadiness } = await import('./commands/healthcheck.ts')
      return answer(askReadiness(process.env))
    }
  }
}

function readArguments (args: readonly string[]) {
  const { values, positionals } = parse(args)
  const [word = 'serve', ...rest] = positionals
  if (!isCommand(word)) throw new UsageError(`unknown command "${word}"${didYouMean(word, COMMANDS)}`)
  if (rest.length > 0) throw new UsageError(`unknown word "${rest.join(' ')}"`)
  if (values.json === true && word !== 'check') throw new UsageError(`${word} has no --json`)
  if (values.fault !== undefined && word !== 'demo') throw new UsageError(`${word} has no --fault`)
  if (values.timeout !== undefined && word !== 'wait') throw new UsageError(`${word} has no --timeout`)
  return { command: word, options: values }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  } catch (error) {
    // Node's next sentence explains positional arguments that begin with a dash; no command takes one.
    const [what = ''] = (error as Error).message.split(/\. |\n/)
    const [, option] = /^Unknown option '--([^']+)'/.exec(what) ?? []
    throw new UsageError(option === undefined ? lowerFirst(what) : `unknown option "--${option}"${didYouMean(option, OPTIONS)}`)
  }
}

function didYouMean (word: string, known: object): string {
  const suggestion = suggestionFor(word, Object.keys(known))
  return suggestion === undefined ? '' : `, did you mean "${suggestion}"?`
}

function isCommand (word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word)
}

function timeoutMs (seconds = '60'): number {
  if (!/^\d{1,6}$/.test(seconds)) throw new UsageError(`--timeout "${seconds}" is not a whole number of seconds`)
  return Number(seconds) * 1000
}

function print (text: string): number {
  process.stdout.write(text)
  return EXIT.ok
}

/**
 * The exit code of a question whose answer is yes (undefined) or the reason why not. Bad settings are a no here too: Docker keeps exit
 * code 2 for itself.
 */
async function answer (asked: Promise<string | undefined>): Promise<number> {
  const reason = await asked.catch((error: unknown) => {
    if (error instanceof SettingsError) return error.message
    throw error
  })
  return reason === undefined ? EXIT.ok : fail(EXIT.failed, reason)
}

/** A mistake of the user's is told in a line or two. Anything else is a fault of ours, and is thrown on with its stack. */
function explain (error: unknown): number {
  if (error instanceof UsageError) return fail(EXIT.usage, `${error.message}; see bookable-sidecar --help`)
  if (error instanceof SettingsError) return fail(EXIT.usage, error.message)
  if (error instanceof ListenError) return fail(EXIT.failed, error.message)
  throw error
}

function fail (exitCode: number, reason: string): number {
  process.stderr.write(`${reason}\n`)
  return exitCode
}

run(process.argv.slice(2)).catch(explain).then(code => {
  if (code !== undefined) process.exit(code)
})
