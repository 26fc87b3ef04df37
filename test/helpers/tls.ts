import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { RequestListener } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { createServer as createTlsServer, type SecureVersion } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from './servers.ts'

export interface TlsServerOptions {
  /** The name in the certificate. */
  readonly name?: string
  /** How long it is valid; negative: it has expired. */
  readonly days?: number
  readonly maxVersion?: SecureVersion
}

/** TLS in front of a server that speaks none, as its URL by `localhost`, and the file of the certificate. */
export async function startTlsFront (t: Teardown, behind: string, name: string) {
  const { key, cert, certPath } = makeCertificate(t, name, 1)
  const server = createTlsServer({ key, cert }, socket => {
    const inward = connect(Number(new URL(behind).port), '127.0.0.1')
    socket.on('error', () => inward.destroy()).pipe(inward).on('error', () => socket.destroy()).pipe(socket)
    t.teardown(() => inward.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, resolve))
  t.teardown(() => server.close())
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, certPath }
}

/** An https server with a certificate of its own making: its URL by `localhost`, and the file of the certificate. */
export async function startTlsServer (t: Teardown, listener: RequestListener, { name = 'localhost', days = 1, maxVersion = 'TLSv1.3' }: TlsServerOptions = {}) {
  const { key, cert, certPath } = makeCertificate(t, name, days)
  const server = createServer({ key, cert, maxVersion, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, listener)
  await new Promise<void>(resolve => server.listen(0, resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, certPath }
}

/** Signed by itself. */
function makeCertificate (t: Teardown, name: string, days: number) {
  const dir = mkdtempSync(join(tmpdir(), 'tls-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const openssl = (...args: readonly string[]): unknown => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'request.pem',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`)
  openssl('x509', '-req', '-in', 'request.pem', '-signkey', 'key.pem', '-copy_extensions', 'copy', '-days', String(days), '-out', 'cert.pem')
  return { key: readFileSync(join(dir, 'key.pem')), cert: readFileSync(join(dir, 'cert.pem'), 'utf8'), certPath: join(dir, 'cert.pem') }
}
