import { inTurns } from '../in-turns.mjs'
import { REFERENCES } from '../peers.mjs'

/**
 * Fresh processes, one at a time: from the spawn to the first 200, the token request included.
 * @type {import('../scenarios.mjs').Scenario}
 */
export const start = {
  key: 'start',
  title: 'Start: ms from the spawn to the first 200',
  full: { rounds: 11, requests: 1, warmUpRequests: 0 },
  columns: [
    { title: 'first answer', metric: 'firstAnswerMs', digits: 0 },
    { title: 'range', metric: 'firstAnswerMs', show: 'range', digits: 0 },
    { title: 'of stock', metric: 'firstAnswerMs', show: 'stock' },
    { title: 'of quiet stock', metric: 'firstAnswerMs', show: 'quiet' },
    { title: 'CPU ms', metric: 'cpuMs', digits: 0 }
  ],
  async measure (bench, peers, { rounds }) {
    const samples = await inTurns([...peers, ...REFERENCES], rounds, async peer => {
      const { running, firstAnswerMs } = await bench.start(peer)
      const cpuMs = running.cpuMicroseconds() / 1000
      await running.stop()
      return { firstAnswerMs, cpuMs }
    })
    return new Map([...samples].map(([{ key }, values]) => [key, values]))
  }
}
