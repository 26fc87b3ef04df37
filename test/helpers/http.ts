import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { readBody } from './servers.ts'

/** A request as the API got it. */
export interface Seen { method: string, url: string, headers: string[], body: Buffer }

/** An API that keeps what it got and answers `ok`, or as told. */
export function recorder (answer: RequestListener = (_req, res) => res.end('ok')) {
  const seen: Seen[] = []
  const api: RequestListener = (req, res) => {
    void readBody(req).then(body => {
      seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.rawHeaders, body })
      answer(req, res)
    }, () => {})
  }
  return { seen, api }
}

export interface Answer { status: number, headers: IncomingMessage['headers'], raw: string[], body: Buffer }

/** One request by Node's own client, with the headers and target exactly as given. */
export function call (url: string, path: string, options: { method?: string, headers?: string[] | Record<string, string | string[]>, body?: string | Buffer, onHead?: () => void } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, onHead } = options
    const req = httpRequest(url, { method, path, headers, agent: false }, res => {
      onHead?.()
      readBody(res).then(body => resolve({ status: res.statusCode ?? 0, headers: res.headers, raw: res.rawHeaders, body }), reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}

/** All values of a header in a flat list of names and values. */
export function valuesOf (flat: readonly string[], name: string): string[] {
  return flat.filter((_, i) => i % 2 === 1 && flat[i - 1]?.toLowerCase() === name)
}
