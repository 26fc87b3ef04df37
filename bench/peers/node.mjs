import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ACCESS_TOKEN, UPSTREAM_CONNECTIONS } from '../peer.mjs'

const require = createRequire(import.meta.url)

/** What the ratios are against. */
export const stock = nodePeer('stock', 'stock @fastify/http-proxy', 'stock.cjs', '@fastify/http-proxy')

/** The same without logging: what a Fastify proxy takes to start, at the least. */
export const quiet = nodePeer('quiet', 'stock, without logging', 'stock.cjs', '@fastify/http-proxy', { LOGS: 'false' })

/** Fastify alone, which forwards nothing: what a Fastify process takes to be there. */
export const bare = nodePeer('bare', 'bare fastify, no proxy', 'bare.cjs', 'fastify')

export const httpProxy = nodePeer('http-proxy', 'http-proxy', 'http-proxy.cjs', 'http-proxy')

/**
 * @param {string} key
 * @param {string} name
 * @param {string} file in this folder
 * @param {string} dependency whose version is told
 * @param {Readonly<Record<string, string>>} [env]
 * @returns {import('../peer.mjs').Peer}
 */
function nodePeer (key, name, file, dependency, env = {}) {
  return {
    key,
    name,
    version: () => require(`${dependency}/package.json`).version,
    command: ({ port, apiUrl, caPath }) => ({
      file: process.execPath,
      args: [join(import.meta.dirname, file)],
      env: { NODE_EXTRA_CA_CERTS: caPath, PORT: String(port), UPSTREAM: apiUrl, UPSTREAM_CONNECTIONS: String(UPSTREAM_CONNECTIONS), ACCESS_TOKEN, ...env }
    })
  }
}
