import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ACCESS_TOKEN, UPSTREAM_CONNECTIONS, findProgram, programVersion } from '../peer.mjs'

/** @type {import('../peer.mjs').Peer} */
export const caddy = {
  key: 'caddy',
  name: 'Caddy',
  version: () => programVersion('caddy', 'version'),
  command: site => {
    const configPath = join(site.directory, 'Caddyfile')
    writeFileSync(configPath, config(site))
    return {
      file: findProgram('caddy') ?? '',
      args: ['run', '--config', configPath, '--adapter', 'caddyfile'],
      // One thread for Go, as the others are one process; its files go with the bench.
      env: { GOMAXPROCS: '1', HOME: site.directory, XDG_DATA_HOME: site.directory, XDG_CONFIG_HOME: site.directory }
    }
  }
}

/** @param {import('../peer.mjs').Site} site */
function config ({ port, apiUrl, caPath, logPath }) {
  return `
{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  log {
    output file ${logPath} {
      roll_disabled
    }
  }
  reverse_proxy /venues* ${apiUrl} {
    header_up Host {upstream_hostport}
    header_up Authorization "Bearer ${ACCESS_TOKEN}"
    transport http {
      versions 1.1
      tls_trusted_ca_certs ${caPath}
      tls_server_name localhost
      compression off
      keepalive 300s
      keepalive_idle_conns ${UPSTREAM_CONNECTIONS}
      keepalive_idle_conns_per_host ${UPSTREAM_CONNECTIONS}
      max_conns_per_host ${UPSTREAM_CONNECTIONS}
    }
  }
}
`
}
