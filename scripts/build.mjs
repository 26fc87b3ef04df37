import { chmodSync, copyFileSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { codeOf, saveCode } from './code-cache.mjs'

/** `--source-map`: for scripts/coverage.mjs, which has to find its way back from the program to the sources. */
const { values: { 'source-map': hasSourceMap } } = parseArgs({ options: { 'source-map': { type: 'boolean', default: false } } })

const { build } = await import('esbuild').catch(error => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error('There is no esbuild here, which builds: run npm ci first')
  process.exit(1)
})

/** In CommonJS, for the Node that runs it. */
const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // Where a module lies, in CommonJS.
  define: { 'import.meta.url': '__filename' },
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning'
}

/**
 * A package that few need, as text that is compiled when it is imported: even code that is never called costs each start some milliseconds
 * to be parsed (ioredis 8 of 170, as text 2), and a health check is a start.
 */
function asText (name) {
  return {
    name: `${name} as text`,
    setup ({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: 'as-text' }))
      onLoad({ filter: /.*/, namespace: 'as-text' }, async () => {
        const { outputFiles: [{ text }] } = await build({ ...OPTIONS, stdin: { contents: `module.exports = require('${name}')`, resolveDir: '.' }, write: false, minify: true })
        return {
          contents: `
            const { compileFunction } = require('node:vm')
            compileFunction(${JSON.stringify(text)}, ['exports', 'require', 'module'], { filename: __filename + '/${name}' })(exports, require, module)`,
          resolveDir: '.'
        }
      })
    }
  }
}

// One CommonJS file: starts a third faster than the sources and their packages, and needs no node_modules beside it.
await build({
  ...OPTIONS,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/program.cjs',
  plugins: [asText('ioredis')],
  // The sources as they are written, and a map that node does not know of: it would read it at each start.
  ...hasSourceMap && { minifyWhitespace: false, minifySyntax: false, sourcemap: 'external', sourcesContent: false }
})

copyFileSync('scripts/loader.cjs', 'dist/bookable-sidecar.cjs')
chmodSync('dist/bookable-sidecar.cjs', 0o755)
if (hasSourceMap) {
  // Compiled code counts nothing.
  rmSync(codeOf('dist'), { force: true })
} else {
  rmSync('dist/program.cjs.map', { force: true })
  await saveCode('dist')
}
