import { minutesOf, weekdayOf } from './calendar.ts'
import { BookableProblem, type BookableCode, type FieldError } from './problems.ts'

/** How one field of outside data becomes a value; `parse` answers undefined for what is not `expected`. */
export interface Field<T> {
  readonly expected: string
  readonly parse: (value: unknown) => T | undefined
}

/** What a table of fields yields. */
export type Fields<Table> = { readonly [Name in keyof Table]: Table[Name] extends Field<infer T> ? T : never }

/** An object that is not an array: the only kind of body that has fields. */
export function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads every field of the table from a body or a query.
 * @throws `code` with one entry in `errors` for each field that is wrong, all of them at once
 */
export function readFields<Table extends Record<string, Field<unknown>>> (table: Table, source: unknown, code: BookableCode): Fields<Table> {
  const given = isRecord(source) ? source : {}
  const errors: FieldError[] = []
  const values = Object.entries(table).map(([field, { parse, expected }]) => {
    const value = parse(given[field])
    if (value === undefined) errors.push({ field, message: `must be ${expected}` })
    return [field, value]
  })
  if (errors.length > 0) throw invalid(code, errors)
  // Each value came out of its own parser, which the compiler cannot follow through fromEntries.
  return Object.fromEntries(values) as Fields<Table>
}

/** The problem that lists what is wrong, in its text as well: many a log keeps only that. */
export function invalid (code: BookableCode, errors: readonly FieldError[]): BookableProblem {
  return new BookableProblem(code, `${errors.map(({ field, message }) => `${field} ${message}`).join('; ')}.`, errors)
}

/** The same field where it may be left out, or null. */
export function optional<T, U> (field: Field<T>, otherwise: U): Field<T | U> {
  return { ...field, parse: value => value === undefined || value === null ? otherwise : field.parse(value) }
}

/** Text of `min` to `max` characters; space around it does not count. */
export function text (min: number, max: number): Field<string> {
  return {
    expected: `text of ${min} to ${max} characters`,
    parse: value => typeof value === 'string' && value.trim().length >= min && value.length <= max ? value : undefined
  }
}

/** A whole number: a number in JSON, digits in a query. */
export function integer (min: number, max: number, source: 'json' | 'query'): Field<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse (value) {
      const number = source === 'query' && typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : undefined
    }
  }
}

/** One of a few words. */
export function oneOf<const Word extends string> (words: readonly Word[]): Field<Word> {
  return { expected: `one of ${words.join(', ')}`, parse: value => words.find(word => word === value) }
}

/** Text that `isValid` accepts. */
function textThat (expected: string, isValid: (value: string) => boolean): Field<string> {
  return { expected, parse: value => typeof value === 'string' && isValid(value) ? value : undefined }
}

/** A day that exists, `YYYY-MM-DD`. */
export const calendarDate = textThat('a date YYYY-MM-DD', value => weekdayOf(value) !== undefined)

/** A time of day, `HH:mm`. */
export const clockTime = textThat('a time HH:mm', value => !Number.isNaN(minutesOf(value)))

/** An address with something on both sides of one @. */
export const email = textThat('an email address', value => value.length <= 254 && /^[^\s@]+@[^\s@]+$/.test(value))

/** A telephone number in any usual writing. */
export const phone = textThat('a phone number', value => /^\+?[\d ()-]{5,25}$/.test(value))
