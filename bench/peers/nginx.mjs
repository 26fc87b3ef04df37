import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { ACCESS_TOKEN, PEER_CONNECTIONS, findProgram, programVersion } from '../peer.mjs'

/** @type {import('../peer.mjs').Peer} */
export const nginx = {
  key: 'nginx',
  name: 'nginx',
  version: () => programVersion('nginx', '-v'),
  command: site => {
    const configPath = join(site.directory, 'nginx.conf')
    writeFileSync(configPath, config(site))
    return { file: findProgram('nginx') ?? '', args: ['-c', configPath, '-p', site.directory, '-e', 'stderr'] }
  }
}

/**
 * One worker, as the others are one process. It opens a connection for each request that is under way: to keep fewer of them, or the default of 1,000 requests
 * on each, would measure handshakes.
 * @param {import('../peer.mjs').Site} site
 */
function config ({ port, apiUrl, caPath, directory, logPath }) {
  const { host } = new URL(apiUrl)
  return `
daemon off;
worker_processes 1;
user ${userInfo().username};
pid ${directory}/nginx.pid;
error_log stderr warn;
events { worker_connections ${PEER_CONNECTIONS}; }
http {
  access_log ${logPath};
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  scgi_temp_path ${directory}/scgi;
  uwsgi_temp_path ${directory}/uwsgi;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream api {
    server ${host};
    keepalive ${PEER_CONNECTIONS / 2};
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /venues {
      proxy_pass https://api;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
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
