import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SecureVersion } from 'node:tls'
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

/** An https server with a certificate of its own making: its URL by `localhost`, and the file of the certificate. */
export async function startTlsServer (t: Teardown, listener: RequestListener, { name = 'localhost', days = 1, maxVersion = 'TLSv1.3' }: TlsServerOptions = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'tls-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const openssl = (...args: readonly string[]): unknown => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'request.pem',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`)
  openssl('x509', '-req', '-in', 'request.pem', '-signkey', 'key.pem', '-copy_extensions', 'copy', '-days', String(days), '-out', 'cert.pem')
  const cert = readFileSync(join(dir, 'cert.pem'), 'utf8')
  const server = createServer({ key: readFileSync(join(dir, 'key.pem')), cert, maxVersion, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }, listener)
  await new Promise<void>(resolve => server.listen(0, resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, certPath: join(dir, 'cert.pem') }
}
