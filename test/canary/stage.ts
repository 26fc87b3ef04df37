import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readBody, startServer, startTcpServer, type Teardown } from '../helpers/servers.ts'
import type { Markers } from './markers.ts'

/** The world around the sidecars: a token endpoint and an API of which each path does something else, a proxy, and files with secrets. */
export interface Stage {
  readonly tokenOrigin: string
  readonly apiOrigin: string
  readonly proxyOrigin: string
  /** The bodies of the token requests. */
  readonly tokenRequests: string[]
  /** What came to the API, with its headers. */
  readonly apiRequests: string[]
  /** Secrets in files, and where they stand. */
  readonly files: Readonly<Record<'clientId' | 'clientSecret' | 'key', string>>
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')

export async function startStage (t: Teardown, markers: Markers): Promise<Stage> {
  const plant = markers.plant.bind(markers)
  const tokenRequests: string[] = []
  const apiRequests: string[] = []

  const folder = join(mkdtempSync(join(tmpdir(), 'canary-')), plant('the path of a secret file', 'plain'))
  mkdirSync(folder)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), `${content}\n`)
    return join(folder, name)
  }

  const token = (expiresInS: number) => ({
    access_token: `${base64url('{"alg":"RS256"}')}.${base64url(JSON.stringify({ sub: plant('a claim of the token') }))}.${plant('the access token', 'plain')}`,
    token_type: 'Bearer',
    expires_in: expiresInS,
    refresh_token: plant('a refresh token'),
    unknown: plant('another field of the token response')
  })
  const send = (res: ServerResponse, status: number, body: unknown): void => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    res.writeHead(status, plant('the reason phrase of the token endpoint', 'plain'), { 'X-Token-Endpoint': plant('a header of the token endpoint', 'plain'), 'WWW-Authenticate': `Basic realm="${plant('a realm of the token endpoint', 'plain')}"` })
    res.end(text)
  }
  const tokenAnswers: Readonly<Record<string, (res: ServerResponse, asked: string) => void>> = {
    '/good': res => send(res, 200, token(3600)),
    '/short': res => send(res, 200, token(2)),
    // The name of an error is told, by contract; what it is said of is not, nor what stands behind 80 characters.
    '/refuses': res => send(res, 401, { error: `access_denied ${'x'.repeat(80)} ${plant('an error beyond its limit')}`, error_description: plant('error_description') }),
    '/echoes': (res, asked) => send(res, 400, { error: asked, error_description: asked }),
    '/echoes-the-secret': res => send(res, 403, { error: plant('the client secret'), error_description: plant('the client id') }),
    '/html': res => send(res, 200, `<html>${plant('HTML of the token endpoint')}</html>`),
    '/broken-json': res => send(res, 200, `{"access_token":"${plant('a token in broken JSON', 'plain')}"`),
    '/wrong-type': res => send(res, 200, { ...token(3600), token_type: plant('a token type') }),
    '/no-lifetime': res => send(res, 200, { access_token: plant('an opaque token', 'plain') }),
    '/fails': res => send(res, 500, { error: plant('the error of a 500'), message: plant('the message of a 500') }),
    '/limits': res => send(res.setHeader('Retry-After', '1'), 429, plant('the body of a 429')),
    '/redirects': res => send(res.setHeader('Location', `https://elsewhere.invalid/?code=${plant('the target of a redirect', 'plain')}`), 302, ''),
    '/resets': res => { res.destroy() },
    '/hangs': () => {}
  }
  const tokenOrigin = await startServer(t, (req, res) => {
    void readBody(req).then(body => {
      tokenRequests.push(body.toString())
      tokenAnswers[req.url ?? '']?.(res, body.toString())
    }, () => {})
  })

  const answerOfApi = (req: IncomingMessage, res: ServerResponse): void => {
    const [, , kind] = (req.url ?? '').split(/[/?]/)
    const refuses = kind === 'unauthorized' || (kind === 'replayed' && apiRequests.filter(text => text.includes('/replayed')).length === 1)
    if (kind === 'hangs') return
    const body = JSON.stringify({ data: plant('the body of the API') })
    res.writeHead(kind === 'fails' ? 500 : refuses ? 401 : 200, plant('the reason phrase of the API', 'plain'), [
      'Set-Cookie', `session=${plant('Set-Cookie', 'plain')}`, 'X-Api-Header', plant('a header of the API', 'plain'), 'WWW-Authenticate', `Bearer realm="${plant('a realm of the API', 'plain')}"`,
      'Content-Length', String(body.length + (kind === 'breaks' ? 10 : 0))
    ])
    if (kind === 'breaks') res.write(body, () => res.destroy())
    else res.end(body)
  }
  const apiOrigin = await startServer(t, (req, res) => {
    void readBody(req).then(body => {
      apiRequests.push(`${req.url} ${req.rawHeaders.join(' ')} ${body.toString()}`)
      answerOfApi(req, res)
    }, () => {})
  })

  const proxyOrigin = await startTcpServer(t, socket => socket.once('data', () => {
    socket.end(`HTTP/1.1 407 ${plant('the reason phrase of the proxy', 'plain')}\r\nProxy-Authenticate: Basic realm="${plant('a realm of the proxy', 'plain')}"\r\nContent-Length: 60\r\n\r\n${plant('the body of the proxy', 'plain')}`)
  }))

  return {
    tokenOrigin,
    apiOrigin,
    proxyOrigin,
    tokenRequests,
    apiRequests,
    files: { clientId: file('client-id', plant('the client id')), clientSecret: file('client-secret', plant('the client secret')), key: file('key', plant('the key for apps')) }
  }
}
