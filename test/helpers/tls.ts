import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from './servers.ts'

export interface TlsServerOptions {
  /** The name in the certificate. */
  readonly name?: string
  /** openssl's arguments for its dates. */
  readonly validity?: readonly string[]
}

/** An https server with a certificate of its own making: its URL by `localhost`, and the certificate in PEM. */
export async function startTlsServer (t: Teardown, listener: RequestListener, { name = 'localhost', validity = ['-days', '1'] }: TlsServerOptions = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'tls-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, ...validity
  ], { cwd: dir, stdio: 'ignore' })
  const cert = readFileSync(join(dir, 'cert.pem'), 'utf8')
  const server = createServer({ key: readFileSync(join(dir, 'key.pem')), cert }, listener)
  await new Promise<void>(resolve => server.listen(0, resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, cert, certPath: join(dir, 'cert.pem') }
}
