/**
 * A table in Markdown, aligned so that it reads well in a terminal too: the first column to the left, figures to the right.
 * @param {readonly string[]} head
 * @param {ReadonlyArray<readonly string[]>} rows
 */
export function table (head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  /** @param {readonly string[]} cells */
  const line = cells => `| ${cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join(' | ')} |\n`
  const rule = widths.map((width, i) => i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)
  return [head, rule, ...rows].map(line).join('')
}

/** @param {readonly number[]} values */
export function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)] ?? NaN
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}
