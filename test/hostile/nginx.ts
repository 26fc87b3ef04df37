import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type Teardown } from '../helpers/servers.ts'

/** Debian puts nginx where only root looks. */
const ENV = { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }

const FORMAT = '{"where":"$where","server":"$server_port","status":"$status","target":"$request_uri","path":"$uri","request":"$request"}'

/** A request as nginx logged it. */
export interface NginxRequest {
  /** The location that served it; empty where nginx refused it before it looked for one. */
  readonly where: string
  readonly status: string
  /** As it came, and as nginx reads it. */
  readonly target: string
  readonly path: string
  readonly request: string
}

export interface Nginx {
  /** Two servers that differ in merge_slashes. */
  readonly merging: string
  readonly keeping: string
  /** Ends it and tells what came, by server; only then is its log whole. */
  stop (): Promise<{ readonly merging: readonly NginxRequest[], readonly keeping: readonly NginxRequest[] }>
}

/** What `nginx -v` says; undefined where there is none. */
export function nginxVersion (): string | undefined {
  const { status, stderr } = spawnSync('nginx', ['-v'], { env: ENV, encoding: 'utf8' })
  return status === 0 ? stderr.trim() : undefined
}

/** nginx in a folder of its own, in the place of the API: each location answers with its name and notes it in the log. */
export async function startNginx (t: Teardown): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), 'nginx-'))
  const [mergingPort, keepingPort] = [await freePort(), await freePort()]
  writeFileSync(join(dir, 'nginx.conf'), config(dir, mergingPort, keepingPort))
  const child = spawn('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'], { env: ENV, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(dir, { recursive: true })
  })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      // It says so when its sockets listen already.
      if (said.includes('[notice]') && said.includes('nginx/')) resolve()
    })
    void ended.then(() => reject(new Error(`nginx ended: ${said}`)))
  })
  return {
    merging: `http://127.0.0.1:${mergingPort}`,
    keeping: `http://127.0.0.1:${keepingPort}`,
    async stop () {
      child.kill('SIGTERM')
      await ended
      const lines = readFileSync(join(dir, 'access.log'), 'latin1').split('\n').filter(line => line !== '').map(parse)
      const of = (port: number): NginxRequest[] => lines.filter(({ server }) => server === String(port))
      return { merging: of(mergingPort), keeping: of(keepingPort) }
    }
  }
}

function parse (line: string): NginxRequest & { readonly server: string } {
  const fields: unknown = JSON.parse(line)
  const field = (name: string): string => typeof fields === 'object' && fields !== null ? String(Object.entries(fields).find(([key]) => key === name)?.[1]) : ''
  return { where: field('where'), server: field('server'), status: field('status'), target: field('target'), path: field('path'), request: field('request') }
}

function config (dir: string, mergingPort: number, keepingPort: number): string {
  const location = (where: string, path: string, status: number, body: string): string => `location ${path} { set $where ${where}; return ${status} "${body}\\n"; }`
  const server = (port: number, mergeSlashes: 'on' | 'off'): string => `
  server {
    listen 127.0.0.1:${port};
    merge_slashes ${mergeSlashes};
    ${location('operators', '/operators', 200, 'LEAKED')}
    ${location('webhooks', '/webhooks', 200, 'LEAKED')}
    ${location('venues', '/venues', 200, 'venues')}
    ${location('bookings', '/bookings', 200, 'bookings')}
    ${location('default', '/', 404, 'default')}
  }`
  return `
daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  log_format seen escape=json '${FORMAT}';
  access_log ${dir}/access.log seen;
  uninitialized_variable_warn off;
  large_client_header_buffers 8 32k;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  ${server(mergingPort, 'on')}
  ${server(keepingPort, 'off')}
}
`
}
