import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { valuesOf } from '../helpers/http.ts'
import { answersIn, codeOf, faultOfProblem } from './answers.ts'
import { bytesOf, faultOfKey, FAULTS, forwardedHeaders, KEY, randomRequest, withKeyOfItsOwn, type RandomRequest } from './requests.ts'
import { holds } from './runs.ts'
import { converse, startWorld, type Arrival } from './world.ts'

/** What undici or Node write for the connection and the body, and what is the sidecar's to set. */
const NOT_COMPARED = /^(host|connection|transfer-encoding|content-length|authorization|x-correlation-id)$/i

const pairs = (flat: readonly string[]): string[] => flat.flatMap((name, i) => i % 2 === 0 && !NOT_COMPARED.test(name) ? [`${name}: ${flat[i + 1]}`] : [])

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex')

/** What the contract says and the API did not see. */
function differences (request: RandomRequest, arrival: Arrival): string[] {
  const { method, target, body } = request
  const found: string[] = []
  if (arrival.method !== method) found.push(`method ${arrival.method}`)
  if (arrival.target !== target) found.push(`target ${arrival.target}`)
  if (digest(arrival.body) !== digest(body)) found.push(`body of ${arrival.body.length} bytes`)
  const [sent, got] = [forwardedHeaders(request).join('\n'), pairs(arrival.headers).join('\n')]
  if (sent !== got) found.push(`headers ${JSON.stringify({ sent, got })}`)
  if (valuesOf(arrival.headers, 'x-correlation-id').length !== 1) found.push('no single X-Correlation-ID')
  return found
}

t.test('random requests reach the API as they are, or are refused by the first of their faults', { timeout: 600_000 }, async t => {
  const { sidecar, arrivals, violations } = await startWorld(t, { env: { INBOUND_API_KEY: KEY, SHUTDOWN_TIMEOUT_MS: '1000' } })
  let asked = 0
  await holds(t, 400, fc.asyncProperty(randomRequest, async random => {
    arrivals.length = 0
    const request = withKeyOfItsOwn(random, ++asked)
    const [answer, ...more] = answersIn(await converse(sidecar.url, [bytesOf(request)]))
    const expected = FAULTS.find(([fault]) => request.faults.includes(fault))?.[1] ?? faultOfKey(request)
    if (answer === undefined || more.length > 0) throw new Error(`${answer === undefined ? 'no' : 'more than one'} answer`)
    if (expected === undefined) {
      const [arrival] = arrivals
      if (arrival === undefined) throw new Error(`never came: ${answer.status} ${answer.body}`)
      violations.push(...differences(request, arrival))
    } else {
      const fault = faultOfProblem(answer)
      if (fault !== undefined) violations.push(fault)
      if (request.method !== 'HEAD' && codeOf(answer) !== expected) violations.push(`${codeOf(answer)} instead of ${expected}`)
      if (arrivals.length > 0) violations.push('it was refused, and reached the API')
    }
    if (violations.length > 0) throw new Error(violations.splice(0).join('\n'))
    return true
  }))
  t.equal(await sidecar.drain(), true)
})

const statusOf = fc.oneof(fc.constantFrom(200, 201, 202, 206, 300, 302, 304, 307, 400, 403, 404, 409, 418, 422, 429, 500, 502, 503, 599, 204), fc.integer({ min: 200, max: 599 }).filter(status => status !== 401))
const text = fc.array(fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })), { maxLength: 30 }).map(bytes => String.fromCharCode(...bytes))
const name = fc.constantFrom('Set-Cookie', 'set-cookie', 'Location', 'Retry-After', 'WWW-Authenticate', 'ETag', 'X-RateLimit-Reset', 'Cache-Control', 'Access-Control-Allow-Origin', 'X-Odd', 'Server', 'Content-Type', 'Allow', '__proto__')
const hidden = fc.constantFrom<readonly [string, string]>(['Keep-Alive', 'timeout=5'], ['Proxy-Authenticate', 'Basic'], ['TE', 'gzip'], ['X-Correlation-ID', 'of-the-api'], ['Connection', 'x-named'], ['X-Named', 'gone'])

t.test('random answers of the API reach the app as they are, but for what belongs to the connection', { timeout: 600_000 }, async t => {
  const scripted = { status: 200, headers: [''], body: Buffer.alloc(0) }
  const { sidecar } = await startWorld(t, {
    answer: (_req, res) => {
      res.sendDate = false
      res.writeHead(scripted.status, 'Odd Phrase', [...scripted.headers, 'Content-Length', String(scripted.body.length)])
      res.end(scripted.body)
    }
  })
  await holds(t, 300, fc.asyncProperty(
    statusOf, fc.array(fc.tuple(name, text), { maxLength: 8 }), fc.array(hidden, { maxLength: 3 }), fc.uint8Array({ maxLength: 500 }), fc.constantFrom('GET', 'POST', 'HEAD'),
    async (status, shown, hidden, bytes, method) => {
      const isEmpty = status === 204 || status === 304
      Object.assign(scripted, { status, headers: [...shown, ...hidden, ['X-Named', 'gone'], ['Connection', 'x-named']].flat(), body: Buffer.from(isEmpty ? [] : bytes) })
      const received = await converse(sidecar.url, [Buffer.from(`${method} /venues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)])
      const headEnd = received.indexOf('\r\n\r\n')
      const [line, ...lines] = received.slice(0, headEnd).split('\r\n')
      const sent = [...shown.map(pair => pair.join(': ')), `Content-Length: ${scripted.body.length}`]
      const got = lines.filter(line => !/^(x-correlation-id|connection|date):/i.test(line))
      const body = received.slice(headEnd + 4)
      const expectedBody = method === 'HEAD' ? '' : scripted.body.toString('latin1')
      if (line !== `HTTP/1.1 ${status} Odd Phrase`) throw new Error(`the status line is ${line}`)
      if (sent.join('\n') !== got.join('\n')) throw new Error(`headers ${JSON.stringify({ sent, got })}`)
      if (body !== expectedBody) throw new Error(`a body of ${body.length} bytes instead of ${expectedBody.length}`)
      if (lines.some(line => /of-the-api|^connection: x-named/i.test(line))) throw new Error('something of the connection came through')
      return true
    }
  ))
  t.equal(await sidecar.drain(), true)
})
