import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACCESS_TOKEN, UPSTREAM_CONNECTIONS, findProgram, programVersion } from '../peer.mjs'

/** @type {import('../peer.mjs').Peer} */
export const envoy = {
  key: 'envoy',
  name: 'Envoy',
  version: () => programVersion('envoy', '--version'),
  command: site => {
    const configPath = join(site.directory, 'envoy.json')
    writeFileSync(configPath, JSON.stringify(config(site)))
    return { file: findProgram('envoy') ?? '', args: ['-c', configPath, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning'] }
  }
}

const TYPES = 'type.googleapis.com/envoy.extensions'

/** @param {import('../peer.mjs').Site} site */
function config ({ port, apiUrl, caPath, logPath }) {
  const { host, port: apiPort } = new URL(apiUrl)
  const address = (/** @type {number} */ portValue) => ({ socket_address: { address: '127.0.0.1', port_value: portValue } })
  const route = { match: { prefix: '/venues' }, route: { cluster: 'api', host_rewrite_literal: host, timeout: '0s' } }
  return {
    static_resources: {
      listeners: [{
        address: address(port),
        filter_chains: [{
          filters: [{
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'apps',
              access_log: [{ name: 'file', typed_config: { '@type': `${TYPES}.access_loggers.file.v3.FileAccessLog`, path: logPath } }],
              route_config: {
                virtual_hosts: [{ name: 'api', domains: ['*'], routes: [route] }],
                request_headers_to_add: [{ header: { key: 'Authorization', value: `Bearer ${ACCESS_TOKEN}` }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }]
              },
              http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPES}.filters.http.router.v3.Router` } }]
            }
          }]
        }]
      }],
      clusters: [{
        name: 'api',
        type: 'STATIC',
        circuit_breakers: { thresholds: [{ max_connections: UPSTREAM_CONNECTIONS, max_pending_requests: 16_384, max_requests: 16_384 }] },
        load_assignment: { cluster_name: 'api', endpoints: [{ lb_endpoints: [{ endpoint: { address: address(Number(apiPort)) } }] }] },
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: {
            '@type': `${TYPES}.transport_sockets.tls.v3.UpstreamTlsContext`,
            sni: 'localhost',
            common_tls_context: {
              validation_context: {
                trusted_ca: { filename: caPath },
                match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'localhost' } }]
              }
            }
          }
        }
      }]
    }
  }
}
