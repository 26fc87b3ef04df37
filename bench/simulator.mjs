import { importSources } from './sources.mjs'

/**
 * The simulator of the sources, in this process, so that a bench can look into its books.
 * @param {import('../src/simulator/simulator.ts').SimulatorOptions extends { clock: any } ? Omit<import('../src/simulator/simulator.ts').SimulatorOptions, 'clock'> : never} options
 * @returns {Promise<import('../src/simulator/simulator.ts').Simulator>}
 */
export async function startSimulator (options) {
  const { startSimulator, systemClock } = await importSources(
    "export { startSimulator } from './src/simulator/simulator.ts'; export { systemClock } from './src/clock.ts'"
  )
  return startSimulator({ clock: systemClock, ...options })
}
