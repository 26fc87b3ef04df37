import { createServer } from 'node:http'
import t from 'tap'
import { request } from 'undici'
import { systemClock } from '../../src/clock.ts'
import { createPool } from '../../src/upstream/pool.ts'
import { freePort } from '../helpers/servers.ts'

t.test('a pool keeps its number of connections when an outage ends while many requests wait', async t => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const state = { open: 0, mostOpen: 0, failures: 0, isOver: false }
  const api = createServer((_req, res) => setImmediate(() => res.end('ok')))
  api.on('connection', socket => {
    state.mostOpen = Math.max(state.mostOpen, ++state.open)
    socket.on('close', () => { state.open-- })
  })
  const dispatcher = createPool({ clock: systemClock, config: { origin, connections: 2, connectTimeoutMs: 5_000, proxy: undefined } })
  t.teardown(async () => {
    await dispatcher.destroy()
    api.close()
    api.closeAllConnections()
  })
  // A hundred apps that ask again at once: the pool forgets a client at each failure, and makes another.
  await Promise.all(Array.from({ length: 100 }, async () => {
    for (let answers = 0; answers < 5;) {
      try {
        await (await request(origin, { dispatcher })).body.dump()
        answers++
      } catch {
        if (++state.failures === 300) api.listen(port, '127.0.0.1')
      }
    }
  }))
  t.ok(state.failures >= 300)
  t.ok(state.mostOpen <= 2, `${state.mostOpen} connections at once`)
})
