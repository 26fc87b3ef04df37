import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/** The token that the bench's token endpoint gives and its API wants. */
export const ACCESS_TOKEN = 'bench-access-token-of-some-forty-characters'

const ROOT = join(import.meta.dirname, '..')
const SIDECAR = join(ROOT, 'dist/bookable-sidecar.cjs')
const NGINX = '/usr/sbin/nginx'

/**
 * What a peer needs to know to serve.
 * @typedef {object} Site
 * @property {number} port where it is to listen, on 127.0.0.1
 * @property {number} sparePort free for a second listener
 * @property {string} apiUrl
 * @property {string} tokenUrl
 * @property {string} caPath
 * @property {string} directory of its own, for its files
 * @property {string} logPath where it writes a line for each request
 */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {() => boolean} isInstalled
 * @property {(site: Site) => import('./processes.mjs').Command} command
 */

/** What ships: the bundle, with every default on. @type {Peer} */
export const sidecar = {
  name: 'bookable-sidecar',
  isInstalled: () => existsSync(SIDECAR),
  command: ({ port, sparePort, apiUrl, tokenUrl, caPath }) => ({
    file: process.execPath,
    args: [SIDECAR],
    env: {
      NODE_EXTRA_CA_CERTS: caPath,
      BOOKABLE_CLIENT_ID: 'bench',
      BOOKABLE_CLIENT_SECRET: 'not-a-secret',
      BOOKABLE_API_URL: apiUrl,
      BOOKABLE_TOKEN_URL: tokenUrl,
      PORT: String(port),
      ADMIN_PORT: String(sparePort)
    }
  })
}

/** What the ratios are against. @type {Peer} */
export const stock = {
  name: 'stock @fastify/http-proxy',
  isInstalled: () => true,
  command: ({ port, apiUrl, caPath }) => ({
    file: process.execPath,
    args: [join(import.meta.dirname, 'stock.cjs')],
    env: { NODE_EXTRA_CA_CERTS: caPath, PORT: String(port), UPSTREAM: apiUrl, ACCESS_TOKEN }
  })
}

/** @type {Peer} */
const nginx = {
  name: 'nginx',
  isInstalled: () => existsSync(NGINX),
  command: site => {
    const configPath = join(site.directory, 'nginx.conf')
    mkdirSync(site.directory, { recursive: true })
    writeFileSync(configPath, nginxConfig(site))
    return { file: NGINX, args: ['-c', configPath, '-p', site.directory, '-e', 'stderr'] }
  }
}

/** In the order of the table. */
export const PEERS = /** @type {const} */ ([sidecar, stock, nginx])

/** One worker, as the others are one process. Its default of 1,000 requests a connection would measure handshakes. @param {Site} site */
function nginxConfig ({ port, apiUrl, caPath, directory, logPath }) {
  const { host } = new URL(apiUrl)
  return `
daemon off;
worker_processes 1;
user ${userInfo().username};
pid ${directory}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log ${logPath};
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  scgi_temp_path ${directory}/scgi;
  uwsgi_temp_path ${directory}/uwsgi;
  keepalive_requests 1000000000;
  upstream api {
    server ${host};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:${port};
    location /venues {
      proxy_pass https://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host ${host};
      proxy_set_header Authorization "Bearer ${ACCESS_TOKEN}";
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${caPath};
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
    }
  }
}
`
}
