import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

/** Every test file is a process of its own and loads most of src/: what one has transformed the others read. tap ignores it, and so does git. */
const CACHE = join(import.meta.dirname, '../../.tap/transformed')
mkdirSync(CACHE, { recursive: true })

const SOURCE_MAP = /^\/\/# sourceMappingURL=.*/m

/** @type {import('node:module').ResolveHook} */
export const resolve = async (specifier, context, nextResolve) => {
  return specifier === 'async-hook-domain' ? { url: new URL('no-domain.mjs', import.meta.url).href, shortCircuit: true } : nextResolve(specifier, context)
}

/**
 * Takes the types away, as the build does. The compiler looks at them in `npm run typecheck`: to load it for each test file took three
 * seconds of CPU, and more than half of the suite's time.
 *
 * The modules of packages are loaded past tap, which records each of them for `--changed` and reads their source maps: a third of what a small
 * test file took.
 * @type {import('node:module').LoadHook}
 */
export const load = async (url, context, nextLoad) => {
  const module = (source) => ({ format: 'module', source, shortCircuit: true })
  if (!url.startsWith('file:')) return nextLoad(url, context)
  if (url.endsWith('.ts')) return module(transformed(fileURLToPath(url)))
  if (url.includes('/node_modules/') && context.format === 'module') return module(readFileSync(fileURLToPath(url), 'utf8').replace(SOURCE_MAP, ''))
  return nextLoad(url, context)
}

/** @param {string} sourcefile */
function transformed (sourcefile) {
  const source = readFileSync(sourcefile, 'utf8')
  const cached = join(CACHE, createHash('sha256').update(sourcefile).update(source).digest('hex'))
  try {
    return readFileSync(cached, 'utf8')
  } catch {
    const { code } = transformSync(source, { loader: 'ts', format: 'esm', target: 'node20', sourcefile, sourcemap: 'inline' })
    // Another process may be at it too: whole, or not at all.
    const draft = `${cached}.${process.pid}`
    writeFileSync(draft, code)
    renameSync(draft, cached)
    return code
  }
}
