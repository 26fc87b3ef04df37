import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')

/**
 * Parts of the sources, in this process, so that a bench can look into them.
 * @param {string} contents a module of exports, with paths from the root of the project
 * @returns {Promise<any>} its exports
 */
export async function importSources (contents) {
  const directory = mkdtempSync(join(tmpdir(), 'bookable-sources-'))
  const outfile = join(directory, 'sources.cjs')
  try {
    await build({ stdin: { contents, resolveDir: ROOT }, outfile, bundle: true, platform: 'node', format: 'cjs', define: { 'import.meta.url': '__filename' }, logLevel: 'warning' })
    const { default: exported } = await import(pathToFileURL(outfile).href)
    return exported
  } finally {
    rmSync(directory, { recursive: true })
  }
}
