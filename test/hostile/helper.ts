import { connect } from 'node:net'

/** A connection that is still open after this long of silence is open for good. Only a test that fails waits for it. */
const MAX_SILENCE_MS = 4_000

/** How many connections are open at once. */
const BATCH = 64

/** One answer on a connection. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  /** Of a problem of ours; undefined in anything else. */
  readonly code: string | undefined
}

/** All that came back on one connection. */
export interface Conversation {
  readonly answers: readonly RawAnswer[]
  /** `open`: the other side neither closed nor reset it. */
  readonly ended: 'closed' | 'reset' | 'open'
}

/**
 * Sends bytes as they are (a character each) and hears out the other side until it ends the connection.
 * @param next what is sent later: when the time has come, or else when an answer has begun to come
 */
export function converse (origin: string, bytes: string, next?: { readonly bytes: string, readonly when?: Promise<unknown> }): Promise<Conversation> {
  const { hostname, port } = new URL(origin)
  return new Promise(resolve => {
    let text = ''
    let ended: Conversation['ended'] = 'closed'
    const socket = connect(Number(port), hostname, () => { socket.write(bytes, 'latin1') })
    socket.setEncoding('latin1').on('data', (chunk: string) => { text += chunk })
    if (next !== undefined) {
      const when = next.when ?? new Promise(resolve => socket.once('data', resolve))
      void when.then(() => socket.write(next.bytes, 'latin1'))
    }
    socket.on('error', () => { ended = 'reset' })
    socket.setTimeout(MAX_SILENCE_MS, () => {
      ended = 'open'
      socket.destroy()
    })
    socket.on('close', () => resolve({ answers: answersIn(text), ended }))
  })
}

/** No body in these tests holds a status line. */
function answersIn (text: string): RawAnswer[] {
  return text.split(/(?=HTTP\/1\.1 \d{3} )/).filter(part => part !== '').map(part => {
    const [head = ''] = part.split('\r\n\r\n')
    const isProblem = /^content-type: application\/problem\+json/im.test(head)
    return { status: Number(head.slice(9, 12)), head, code: isProblem ? /"code":"([^"]+)"/.exec(part)?.[1] : undefined }
  })
}

/** Does the work for all items, some at a time; the results are in their order. */
export async function inBatches<Item, Result> (items: readonly Item[], work: (item: Item, index: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (let i = 0; i < items.length; i += BATCH) {
    results.push(...await Promise.all(items.slice(i, i + BATCH).map((item, offset) => work(item, i + offset))))
  }
  return results
}

/** A target as a test's name can show it. */
export function inWords (bytes: string): string {
  const shown = JSON.stringify(bytes).replace(/[\x7f-\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16)}`)
  return shown.length > 90 ? `${shown.slice(0, 60)}… (${bytes.length} bytes)` : shown
}
