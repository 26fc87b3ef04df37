// The load: GETs over raw sockets, since a load must cost less than what it measures. A process of its own, started by run.mjs.
import { connect } from 'node:net'

/**
 * @typedef {object} Job
 * @property {number} port
 * @property {number} connections kept alive, one request at a time on each
 * @property {number} requests on all of them together
 */

/**
 * @typedef {object} Outcome
 * @property {number} durationMs
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} cpuMicroseconds of the load itself
 */

const HEAD_END = Buffer.from('\r\n\r\n')

/** No request equals another, so that nothing can be shared between them. */
let requestId = 0

/**
 * @param {Job} job
 * @returns {Promise<Outcome>}
 */
function run ({ port, connections, requests }) {
  const tail = ` HTTP/1.1\r\nHost: localhost:${port}\r\nUser-Agent: legacy-app/1.0\r\nAccept: application/json\r\n\r\n`
  const latenciesMs = new Float64Array(requests)
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  let sent = 0
  let answered = 0

  return new Promise((resolve, reject) => {
    const open = () => {
      let sentAtMs = 0
      let missingBytes = 0
      let isBusy = false
      let held = Buffer.alloc(0)

      const next = () => {
        isBusy = sent < requests
        if (!isBusy) return socket.destroy()
        sent++
        sentAtMs = performance.now()
        socket.write(`GET /venues/venue-1/availability?date=2030-05-17&covers=4&n=${requestId++}${tail}`, 'latin1')
      }
      /** @param {Buffer} chunk valid only during the call */
      const take = chunk => {
        if (missingBytes === 0) {
          const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
          const headEnd = bytes.indexOf(HEAD_END)
          if (headEnd === -1) {
            held = Buffer.from(bytes)
            return
          }
          missingBytes = bodyLength(bytes.latin1Slice(0, headEnd)) - (bytes.length - headEnd - HEAD_END.length)
          held = Buffer.alloc(0)
        } else {
          missingBytes -= chunk.length
        }
        if (missingBytes < 0) throw new Error('more bytes came than the answer has')
        if (missingBytes > 0) return
        latenciesMs[answered++] = performance.now() - sentAtMs
        next()
        if (answered === requests) resolve(outcome())
      }

      const socket = connect({
        host: '127.0.0.1',
        port,
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafeSlow(64 * 1024),
          callback (bytes, buffer) {
            try {
              take(/** @type {Buffer} */ (buffer).subarray(0, bytes))
            } catch (error) {
              reject(error)
            }
            return true
          }
        }
      }, next)
      socket.on('error', reject)
      socket.on('close', () => { if (isBusy) reject(new Error('a connection was closed in the middle of a request')) })
    }

    const outcome = () => {
      const durationMs = performance.now() - startedAtMs
      const { user, system } = process.cpuUsage(cpu)
      latenciesMs.sort()
      return { durationMs, p50Ms: at(0.5), p99Ms: at(0.99), cpuMicroseconds: user + system }
    }
    /** @param {number} share */
    const at = share => latenciesMs[Math.ceil(requests * share) - 1] ?? NaN

    for (let i = 0; i < connections; i++) open()
  })
}

/** @param {string} head */
function bodyLength (head) {
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? []
  if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`unexpected answer: ${head}`)
  return Number(length)
}

process.on('disconnect', () => process.exit())
process.on('message', async (/** @type {Job} */ job) => {
  process.send?.(await run(job))
})
