import { closest, distance } from 'fastest-levenshtein'
import { SETTING_NAMES, settingOf, type SettingName } from '../config/settings.ts'

/** What the command line knows, in the order in which help tells it. */
export const COMMANDS = {
  serve: 'Serve until SIGTERM or SIGINT (the default).',
  demo: 'Serve against an embedded simulator; --fault NAME[=VALUE].',
  check: 'Fetch a token, ask the API, tell what was found (--json).',
  wait: 'Block until a running sidecar is ready. --timeout SECONDS (60).',
  healthcheck: 'Ask a running sidecar whether it is ready.'
} as const

export type CommandName = keyof typeof COMMANDS

/** What somebody may have meant by a word that means nothing here; undefined where nothing is near. */
export function suggestionFor (word: string, known: readonly string[]): string | undefined {
  const near = closest(word, known)
  return distance(word, near) <= MAX_TYPOS ? near : undefined
}

/** Words on the command line that mean nothing here. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const WIDTH = 80
const INDENT = 6

/** A word that differs in more letters is another word. */
const MAX_TYPOS = 2

/** Every command and every setting, from the tables that also validate them. */
export function helpText (): string {
  return [
    'bookable-sidecar: a local authenticating reverse proxy for the Bookable API',
    '',
    'Usage: bookable-sidecar [COMMAND]',
    '       bookable-sidecar --help | --version',
    '',
    'Commands:',
    ...Object.entries(COMMANDS).map(([name, summary]) => `  ${name.padEnd(12)}${summary}`),
    '',
    'Settings, from the environment (an empty one is an unset one):',
    ...SETTING_NAMES.flatMap(settingLines),
    '',
    'Exit codes: 0 done; 1 failed, or a drain was cut short; 2 bad settings or usage.',
    ''
  ].join('\n')
}

/** The default as people read it, with its unit. */
export function describeDefault (name: SettingName): string {
  const { default: value, defaultNote, unit, isRequired } = settingOf(name)
  if (value === undefined) return defaultNote ?? (isRequired === true ? 'required' : 'none')
  return unit === undefined ? value : `${value} ${unit}`
}

function settingLines (name: SettingName): string[] {
  const { doc, isSecret, allowed } = settingOf(name)
  const file = isSecret === true ? ` Or ${name}_FILE: a file that holds it.` : ''
  return [`  ${name} (${describeDefault(name)})`, ...wrap(`${doc}${file} Allowed: ${allowed}.`)]
}

function wrap (text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && INDENT + line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map(text => ' '.repeat(INDENT) + text)
}
