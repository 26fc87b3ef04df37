// Prints the clients as docs/clients.md shows them: the table, and of each marked client the very lines that run.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ABSENT, ROSTER } from './roster.mjs'

const MAX_SNIPPET_LINES = 3

console.log([...table(), '', ...ROSTER.flatMap(snippet)].join('\n').trimEnd())

function table () {
  return [
    '| Client | Sends a pipe as | On the wire | List, availability, book, cancel |',
    '|---|---|---|---|',
    ...ROSTER.map(({ name, file, pipe, note, cancels = true }) =>
      `| [${name}](../test/clients/${file}) | \`${pipe.replace('|', '\\|')}\` | ${note} | ${cancels ? 'all four' : 'all but cancel'} |`),
    ...ABSENT.map(({ name, reason }) => `| ${name} | | | not run: ${reason} |`)
  ]
}

/** @param {import('./roster.mjs').Client} client */
function snippet ({ name, file, language }) {
  const source = readFileSync(join(import.meta.dirname, file), 'utf8')
  const [, indent = '', text] = /^([ \t]*)\S+ docs: begin\n([^]*)\n[ \t]*\S+ docs: end$/m.exec(source) ?? []
  if (text === undefined) return []
  const lines = text.split('\n').map(line => line.replace(indent, ''))
  if (lines.length > MAX_SNIPPET_LINES) throw new Error(`${file}: more than ${MAX_SNIPPET_LINES} lines for the docs`)
  return [`${name}:`, '', `\`\`\`${language}`, ...lines, '```', '']
}
