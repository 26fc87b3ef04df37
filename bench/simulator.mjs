import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * The simulator of the sources, in this process, so that a bench can look into its books.
 * @param {import('../src/simulator/simulator.ts').SimulatorOptions extends { clock: any } ? Omit<import('../src/simulator/simulator.ts').SimulatorOptions, 'clock'> : never} options
 * @returns {Promise<import('../src/simulator/simulator.ts').Simulator>}
 */
export async function startSimulator (options) {
  const directory = mkdtempSync(join(tmpdir(), 'bookable-simulator-'))
  const outfile = join(directory, 'simulator.cjs')
  await build({
    stdin: {
      contents: "export { startSimulator } from './src/simulator/simulator.ts'; export { systemClock } from './src/clock.ts'",
      resolveDir: join(import.meta.dirname, '..')
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning'
  })
  const { default: { startSimulator, systemClock } } = await import(pathToFileURL(outfile).href)
  rmSync(directory, { recursive: true })
  return startSimulator({ clock: systemClock, ...options })
}
