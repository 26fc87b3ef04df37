import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AnswerSink, PreparedCall } from '../../src/answer.ts'
import type { Problem } from '../../src/problem.ts'
import type { Reader } from '../../src/reads/reader.ts'
import { call } from '../helpers/http.ts'
import type { TestSidecar } from '../helpers/sidecar.ts'
import { until } from '../helpers/until.ts'

export interface Held { readonly req: IncomingMessage, readonly res: ServerResponse }

/** An API that holds every request until the test answers it. */
export function holdingApi () {
  const held: Held[] = []
  const api: RequestListener = (req, res) => {
    req.resume()
    held.push({ req, res })
  }
  return {
    held,
    api,
    /** The n-th request, once it is there. */
    async arrival (n = 1): Promise<Held> {
      await until(() => held.length >= n)
      return held[n - 1] as Held
    }
  }
}

/** Waits until so many requests of apps are being served. */
export async function inFlight ({ adminUrl }: TestSidecar, count: number): Promise<void> {
  await until(async () => {
    const { body } = await call(adminUrl, '/status')
    return (JSON.parse(body.toString()) as { counts: { inFlight: number } }).counts.inFlight === count
  })
}

/** A call in the hands of the test. */
export class TestCall implements PreparedCall {
  readonly attempts = 1
  readonly upstreamMs = 5
  readonly quotaWaitMs = undefined
  readonly isOutcomeUnknown = false
  readonly sink: AnswerSink
  readonly conditions: readonly string[]
  onStart: () => void = () => {}
  isAbandoned = false
  resumed = 0

  constructor (sink: AnswerSink, conditions: readonly string[]) {
    this.sink = sink
    this.conditions = conditions
  }

  start (): void {
    this.onStart()
  }

  abandon (): void {
    this.isAbandoned = true
  }

  resume (): void {
    this.resumed++
  }
}

/** An app that takes what it is given, as fast as the test wants. */
export class App implements Reader {
  readonly calls: TestCall[] = []
  readonly events: string[] = []
  isReady = true
  onPrepare: (call: TestCall) => void = () => {}

  prepare (sink: AnswerSink, conditions: readonly string[]): TestCall {
    const call = new TestCall(sink, conditions)
    this.onPrepare(call)
    this.calls.push(call)
    return call
  }

  get call (): TestCall {
    return this.calls[0] as TestCall
  }

  onHead (status: number, _statusText: string, headers: string[]): void {
    this.events.push(String(status))
    headers.push('X-Own', 'x')
  }

  onChunk (chunk: Buffer): boolean {
    this.events.push(chunk.length < 100 ? String(chunk) : `${chunk.length} bytes`)
    return this.isReady
  }

  onEnd (): void {
    this.events.push('end')
  }

  onFailure ({ code }: Problem): void {
    this.events.push(code)
  }
}
