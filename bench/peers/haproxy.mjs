import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACCESS_TOKEN, PEER_CONNECTIONS, UPSTREAM_CONNECTIONS, findProgram, programVersion } from '../peer.mjs'

/** @type {import('../peer.mjs').Peer} */
export const haproxy = {
  key: 'haproxy',
  name: 'HAProxy',
  version: () => programVersion('haproxy', '-v'),
  command: site => {
    const configPath = join(site.directory, 'haproxy.cfg')
    writeFileSync(configPath, config(site))
    return { file: findProgram('haproxy') ?? '', args: ['-db', '-f', configPath] }
  }
}

/**
 * Its log goes to stdout, since it has no file of its own. By default it closes connections to the API where a fifth of its file descriptors are in use, and so
 * would shake hands for each request on 4,096 connections.
 * @param {import('../peer.mjs').Site} site
 */
function config ({ port, apiUrl, caPath }) {
  const { host, port: apiPort } = new URL(apiUrl)
  return `
global
  nbthread 1
  maxconn ${PEER_CONNECTIONS}
  tune.pool-low-fd-ratio 80
  tune.pool-high-fd-ratio 90
  log stdout format raw local0

defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout queue 300s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s

frontend apps
  bind 127.0.0.1:${port} backlog 4096
  default_backend api

backend api
  http-reuse always
  http-request set-header Host ${host}
  http-request set-header Authorization "Bearer ${ACCESS_TOKEN}"
  server api 127.0.0.1:${apiPort} ssl verify required ca-file ${caPath} verifyhost localhost sni str(localhost) maxconn ${UPSTREAM_CONNECTIONS} pool-purge-delay 300s
`
}
