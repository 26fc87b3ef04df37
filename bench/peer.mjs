import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The token that the bench's token endpoint gives and its API wants. */
export const ACCESS_TOKEN = 'bench-access-token-of-some-forty-characters'

/** Connections to the API, at most, for each peer that can be told; the sidecar's default. */
export const UPSTREAM_CONNECTIONS = 256

/** Above what any scenario opens towards a peer and from it to the API, and within an `ulimit -n` of 20,000 for a peer that counts both sides. */
export const PEER_CONNECTIONS = 9_000

/**
 * What a peer needs to know to serve.
 * @typedef {object} Site
 * @property {number} port where it is to listen, on 127.0.0.1
 * @property {number} sparePort free for a second listener
 * @property {string} apiUrl https; its certificate is for localhost
 * @property {string} tokenUrl
 * @property {string} caPath
 * @property {string} directory of its own, for its files
 * @property {string} logPath where it writes a line for each request; its stdout goes there too
 */

/**
 * @typedef {object} Peer
 * @property {string} key what `--peers` and the JSON file call it
 * @property {string} name
 * @property {() => string | undefined} version nothing where it is not installed
 * @property {(site: Site) => import('./processes.mjs').Command} command
 */

/** @param {string} name @returns {string | undefined} its path; Debian keeps servers where only root looks */
export function findProgram (name) {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'].map(folder => join(folder, name)).find(existsSync)
}

/**
 * @param {string} name of a program
 * @param {...string} args that make it tell its version
 */
export function programVersion (name, ...args) {
  const file = findProgram(name)
  if (file === undefined) return undefined
  const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' })
  return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0]
}
