import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const BUNDLE = join(ROOT, 'dist/bookable-sidecar.cjs')

/**
 * What ships: the bundle, with every default on.
 * @param {{ key?: string, name?: string, bundle?: string, env?: Readonly<Record<string, string>> }} [options] another bundle than the one that was built last; settings that differ
 * @returns {import('../peer.mjs').Peer}
 */
export function createSidecar ({ key = 'sidecar', name = 'bookable-sidecar', bundle = BUNDLE, env = {} } = {}) {
  return {
    key,
    name,
    version: () => existsSync(bundle) ? JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version : undefined,
    command: ({ port, sparePort, apiUrl, tokenUrl, caPath }) => ({
      file: process.execPath,
      args: [bundle],
      env: {
        NODE_EXTRA_CA_CERTS: caPath,
        BOOKABLE_CLIENT_ID: 'bench',
        BOOKABLE_CLIENT_SECRET: 'not-a-secret',
        BOOKABLE_API_URL: apiUrl,
        BOOKABLE_TOKEN_URL: tokenUrl,
        PORT: String(port),
        ADMIN_PORT: String(sparePort),
        ...env
      }
    })
  }
}
