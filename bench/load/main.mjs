// The load: a process of its own, so that what it costs is not counted. It runs a job; `step: 'open'` before that makes the connections only.
import { Connection } from './connection.mjs'
import { createHead, createRequests } from './requests.mjs'

/**
 * @typedef {object} Target
 * @property {number} port
 * @property {string} [ca] where it is the API itself, over TLS
 * @property {string} [authorization] the same
 */

/**
 * Many requests, or one whose answer or body is large.
 * @typedef {object} Job
 * @property {number} connections kept alive, one request at a time on each
 * @property {number} requests on all of them together
 * @property {'GET' | 'POST'} [method]
 * @property {number} [downBytes] of one answer
 * @property {number} [upBytes] of one body
 */

/**
 * @typedef {object} Outcome
 * @property {number} durationMs
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} p999Ms
 * @property {number} cpuMicroseconds of the load itself
 */

/** So few at once that no listener's queue is too short for them. */
const CONNECTING_AT_ONCE = 64

/** @type {Connection[]} */
let connections = []

/** Known only while a job runs. @type {(error: Error) => void} */
let fail = error => { throw error }

/** @param {Target & { connections: number }} target */
async function open (target) {
  while (connections.length < target.connections) {
    const missing = Math.min(CONNECTING_AT_ONCE, target.connections - connections.length)
    connections.push(...await Promise.all(Array.from({ length: missing }, () => Connection.open(target, error => fail(error)))))
  }
}

/**
 * @param {Target & Job} job
 * @returns {Promise<Outcome>}
 */
function run ({ requests, method = 'GET', authorization, downBytes, upBytes }) {
  const nextRequest = downBytes !== undefined
    ? () => createHead(`/venues/export?bytes=${downBytes}`)
    : upBytes !== undefined ? () => createHead(`/venues/import?bytes=${upBytes}`, upBytes) : createRequests(method, authorization)
  const latenciesMs = new Float64Array(requests)
  let sent = 0
  let answered = 0

  return new Promise((resolve, reject) => {
    fail = reject
    const cpu = process.cpuUsage()
    const startedAtMs = performance.now()
    for (const connection of connections) {
      let sentAtMs = 0
      const next = () => {
        if (sent === requests) return
        sent++
        sentAtMs = performance.now()
        connection.ask(nextRequest(), take)
        if (upBytes !== undefined) void sendBody(connection.socket, upBytes)
      }
      const take = () => {
        latenciesMs[answered++] = performance.now() - sentAtMs
        if (answered === requests) resolve(outcome())
        else next()
      }
      next()
    }

    const outcome = () => {
      const durationMs = performance.now() - startedAtMs
      const { user, system } = process.cpuUsage(cpu)
      latenciesMs.sort()
      return { durationMs, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), cpuMicroseconds: user + system }
    }
    /** @param {number} share */
    const at = share => latenciesMs[Math.ceil(requests * share) - 1] ?? NaN
  })
}

/**
 * @param {import('node:net').Socket} socket
 * @param {number} bytes
 */
function sendBody (socket, bytes) {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let missing = bytes
  const send = () => {
    while (missing > 0) {
      const part = missing < chunk.length ? chunk.subarray(0, missing) : chunk
      missing -= part.length
      if (!socket.write(part)) return
    }
    socket.off('drain', send)
  }
  socket.on('drain', send)
  send()
}

function close () {
  for (const { socket } of connections) socket.destroy()
  connections = []
}

process.on('disconnect', () => process.exit())
process.on('message', async (/** @type {Target & Job & { step?: 'open' }} */ job) => {
  await open(job)
  if (job.step === 'open') {
    process.send?.('open')
    return
  }
  const outcome = await run(job)
  close()
  process.send?.(outcome)
})
