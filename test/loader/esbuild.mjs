import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'

/**
 * Takes the types away, as the build does. The compiler looks at them in `npm run typecheck`: to load it for each test file took three
 * seconds of CPU, and more than half of the suite's time.
 * @type {import('node:module').LoadHook}
 */
export const load = async (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const sourcefile = fileURLToPath(url)
  const { code } = await transform(await readFile(sourcefile, 'utf8'), { loader: 'ts', format: 'esm', target: 'node20', sourcefile, sourcemap: 'inline' })
  return { format: 'module', source: code, shortCircuit: true }
}
