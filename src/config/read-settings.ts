import { envSchema } from 'env-schema'
import { withoutControls } from '../printable.ts'
import { NO_HOST } from './parse.ts'
import { fileSecret, fixedSecret, type SecretSource } from './secret-source.ts'
import { settingOf, type SettingName } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** All mistakes in the settings at once, each with the setting, the value (never a secret's) and what is allowed. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly mistakes: readonly string[]

  constructor (mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

/** Settings that passed validation; each is asked for by its name. */
export interface SettingsReader {
  /** Empty where the setting is unset and has no default. */
  readonly text: (name: SettingName) => string
  readonly integer: (name: SettingName) => number
  readonly has: (name: SettingName) => boolean
  readonly secret: (name: SettingName) => SecretSource
  readonly given: Readonly<Record<string, string>>
}

/** Settings that are read together, and their schema. Made once, since env-schema compiles each schema object that it has not seen before. */
export interface SettingsTable {
  readonly names: readonly SettingName[]
  readonly schema: object
}

export function settingsTable (names: readonly SettingName[]): SettingsTable {
  const properties = Object.fromEntries(names.map(name => {
    const { schema, default: value } = settingOf(name)
    return [name, value === undefined ? schema : { ...schema, default: value }]
  }))
  return { names, schema: { type: 'object', properties, required: names.filter(name => settingOf(name).isRequired) } }
}

/**
 * Reads settings, and tells all mistakes in them at once.
 * @throws SettingsError
 */
export function readSettings (environment: Environment, table: SettingsTable): SettingsReader {
  const { names } = table
  const mistakes: string[] = []
  const { given, secrets } = readGiven(environment, names, mistakes)
  const isBad = (name: SettingName): boolean => mistakes.some(mistake => mistake.startsWith(`${name}:`) || mistake.startsWith(`${name}_FILE:`))
  const values = validate(given, table, name => { if (!isBad(name)) mistakes.push(mistakeOf(name, given[name])) })
  for (const name of names) {
    const value = values[name]
    if (value === undefined || isBad(name)) continue
    const { check, needs } = settingOf(name)
    try {
      // What a file holds was checked when it was read.
      if (!secrets.has(name)) check?.(String(value))
    } catch (error) {
      mistakes.push(mistakeOf(name, given[name], (error as Error).message))
    }
    const needed = needs?.[String(value)] as SettingName | undefined
    if (needed !== undefined && values[needed] === undefined && !isBad(needed)) mistakes.push(mistakeOf(name, String(value), `needs ${needed}, which is not set`))
  }
  if (values.HOST === NO_HOST && values.SOCKET_PATH === undefined) mistakes.push(mistakeOf('HOST', NO_HOST, 'leaves nowhere to connect, since SOCKET_PATH is not set'))
  if (mistakes.length > 0) throw new SettingsError(mistakes.map(withoutControls))
  return {
    text: name => String(values[name] ?? ''),
    integer: name => Number(values[name]),
    has: name => values[name] !== undefined,
    secret: name => secrets.get(name) ?? fixedSecret(String(values[name])),
    given: Object.fromEntries(names.flatMap(name => {
      const value = given[name]
      return value === undefined || value === settingOf(name).default ? [] : [[name, shown(name, value)]]
    }))
  }
}

/** What the environment gives, an empty setting being an unset one, and the secrets that stand in files. Adds to `mistakes`. */
function readGiven (environment: Environment, names: readonly SettingName[], mistakes: string[]) {
  const given: Partial<Record<SettingName, string>> = {}
  const secrets = new Map<SettingName, SecretSource>()
  for (const name of names) {
    const { isSecret, isShared, check, allowed } = settingOf(name)
    const path = isSecret === true ? environment[`${name}_FILE`]?.trim() ?? '' : ''
    const written = (isShared === true ? environment[name.toLowerCase()] : undefined) || (environment[name] ?? '')
    const value = isSecret === true ? written : written.trim()
    if (value !== '') given[name] = value
    if (path === '') continue
    if (value !== '') mistakes.push(`${name}: set together with ${name}_FILE; allowed: one of the two`)
    try {
      secrets.set(name, fileSecret(name, path, check))
      given[name] = 'in a file'
    } catch (error) {
      mistakes.push(`${name}_FILE: ${(error as Error).message}; allowed: a file that holds ${allowed}`)
    }
  }
  return { given, secrets }
}

function validate (given: Partial<Record<SettingName, string>>, { names, schema }: SettingsTable, onMistake: (name: SettingName) => void) {
  try {
    return envSchema<Partial<Record<SettingName, string | number>>>({
      env: false, data: { ...given }, schema
    })
  } catch (error) {
    const { errors } = error as { errors?: ReadonlyArray<{ instancePath: string, params: { missingProperty?: string } }> }
    if (errors === undefined) throw error
    const bad = new Set(errors.map(({ instancePath, params }) => params.missingProperty ?? instancePath.slice(1)))
    names.filter(name => bad.has(name)).forEach(onMistake)
    return Object.fromEntries(Object.entries(given).filter(([name]) => !bad.has(name))) as Partial<Record<SettingName, string | number>>
  }
}

function mistakeOf (name: SettingName, value: string | undefined, why?: string): string {
  const { isSecret, isHidden, allowed } = settingOf(name)
  const orFile = isSecret === true ? ` (or ${name}_FILE: a file that holds it)` : ''
  if (value === undefined) return `${name}: missing; allowed: ${allowed}${orFile}; \`bookable-sidecar demo\` needs none`
  const what = isSecret === true || isHidden === true ? 'its value' : JSON.stringify(withoutUserinfo(value))
  return `${name}: ${what} ${withoutUserinfo(why ?? 'is not allowed')}; allowed: ${allowed}${orFile}`
}

/** A value as it may stand in the log. */
function shown (name: SettingName, value: string): string {
  const { isSecret, isHidden } = settingOf(name)
  return isSecret === true || isHidden === true ? '[secret]' : withoutControls(withoutUserinfo(value))
}

/** A password in a URL is a secret too, in whatever setting and however it is written: all that stands before the last @ but a scheme. */
function withoutUserinfo (text: string): string {
  return text.replace(/^("?[a-z][a-z\d+.-]*:\/\/)?[^]*@/i, '$1[secret]@')
}
