// http-proxy as its README has it, with an agent that keeps connections and the access log that it does not have itself.
const http = require('node:http')
const https = require('node:https')
const httpProxy = require('http-proxy')

const { PORT, UPSTREAM, UPSTREAM_CONNECTIONS, ACCESS_TOKEN } = process.env

const proxy = httpProxy.createProxyServer({
  target: UPSTREAM,
  secure: true,
  changeOrigin: true,
  agent: new https.Agent({ keepAlive: true, maxSockets: Number(UPSTREAM_CONNECTIONS) }),
  headers: { authorization: `Bearer ${ACCESS_TOKEN}` }
})

const server = http.createServer((req, res) => {
  const startedAtMs = performance.now()
  res.on('finish', () => {
    process.stdout.write(`${new Date().toISOString()} ${req.method} ${req.url} ${res.statusCode} ${(performance.now() - startedAtMs).toFixed(1)}\n`)
  })
  proxy.web(req, res)
})
proxy.on('error', (error, req, res) => {
  process.stderr.write(`${error.stack}\n`)
  res.writeHead?.(502).end()
})

server.listen(Number(PORT), '127.0.0.1')
