import { build } from 'esbuild'

// One CommonJS file: starts a third faster than the sources and their packages, and needs no node_modules beside it.
await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/bookable-sidecar.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // Where a module lies, in CommonJS.
  define: { 'import.meta.url': '__filename' },
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning'
})
