import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

/** Every test file is a process of its own and loads most of src/: what one has transformed the others read. tap ignores it, and so does git. */
const CACHE = join(import.meta.dirname, '../../.tap/transformed')
mkdirSync(CACHE, { recursive: true })

/** @type {import('node:module').ResolveHook} */
export const resolve = async (specifier, context, nextResolve) => {
  return specifier === 'async-hook-domain' ? { url: new URL('no-domain.mjs', import.meta.url).href, shortCircuit: true } : nextResolve(specifier, context)
}

/**
 * Takes the types away, as the build does. The compiler looks at them in `npm run typecheck`: to load it for each test file took three
 * seconds of CPU, and more than half of the suite's time.
 * @type {import('node:module').LoadHook}
 */
export const load = async (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  return { format: 'module', source: transformed(fileURLToPath(url)), shortCircuit: true }
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
