import { readdirSync, readFileSync } from 'node:fs'

const ROOT = new URL('../../', import.meta.url)

/** Where a page of the documentation is, from its path below the repository. */
export const fileOf = (path: string): URL => new URL(path, ROOT)

/** Every page beside the README and below docs/, by their paths below the repository. */
export const PAGES: readonly string[] = [
  ...readdirSync(ROOT, { encoding: 'utf8' }),
  ...readdirSync(fileOf('docs/'), { recursive: true, encoding: 'utf8' }).map(path => `docs/${path}`)
].filter(path => path.endsWith('.md')).toSorted()

/** What a page says. */
export const textOf = (path: string): string => readFileSync(fileOf(path), 'utf8')

/** A fenced block of a page: its language, and the line at which it begins. */
export interface Block { readonly path: string, readonly line: number, readonly language: string, readonly text: string }

/** Every fenced block of a page, in order. */
export function blocksOf (path: string): Block[] {
  const text = textOf(path)
  return [...text.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(({ index, 1: language = '', 2: block = '' }) =>
    ({ path, line: text.slice(0, index).split('\n').length, language, text: block }))
}
