import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Lines of TypeScript under a directory.
 * @param {string} directory
 * @returns {{ total: number, code: number }} `code` leaves out blank lines and those that hold nothing but a comment
 */
export function countLines (directory) {
  const counts = { total: 0, code: 0 }
  for (const path of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue
    const lines = readFileSync(join(directory, path), 'utf8').trimEnd().split('\n')
    counts.total += lines.length
    counts.code += countCode(lines)
  }
  return counts
}

/** @param {readonly string[]} lines */
function countCode (lines) {
  let code = 0
  let isInComment = false
  for (const line of lines.map(line => line.trim())) {
    isInComment ||= line.startsWith('/*')
    if (line !== '' && !isInComment && !line.startsWith('//')) code++
    if (line.endsWith('*/')) isInComment = false
  }
  return code
}
