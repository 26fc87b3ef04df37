import { bare, httpProxy, quiet, stock } from './peers/node.mjs'
import { caddy } from './peers/caddy.mjs'
import { envoy } from './peers/envoy.mjs'
import { haproxy } from './peers/haproxy.mjs'
import { nginx } from './peers/nginx.mjs'
import { createSidecar } from './peers/sidecar.mjs'

/** What ratios are against, where they run. */
export const BASES = /** @type {const} */ (['stock', 'caddy', 'before', 'quiet', 'bare'])

/** Those that forward, in the order of the tables; a further sidecar beside the one that was built last where `before` names its bundle. @param {string} [before] */
export function createPeers (before) {
  return [
    createSidecar(),
    ...(before === undefined ? [] : [createSidecar({ key: 'before', name: before, bundle: before })]),
    stock, httpProxy, nginx, caddy, haproxy, envoy
  ]
}

/** No peers: the least that a start and the memory at rest can be compared with. */
export const REFERENCES = [quiet, bare]
