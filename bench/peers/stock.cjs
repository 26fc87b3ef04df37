// What one gets by following the README of @fastify/http-proxy: its default path and Fastify's default logging, and our one header.
const fastify = require('fastify')
const httpProxy = require('@fastify/http-proxy')

const { PORT, UPSTREAM, ACCESS_TOKEN, LOGS } = process.env

const server = fastify({ logger: LOGS !== 'false' })

server.register(httpProxy, {
  upstream: UPSTREAM,
  prefix: '/venues',
  // Else the prefix would be cut off.
  rewritePrefix: '/venues',
  // By default it takes any certificate; all else stays as it is.
  undici: { tls: { rejectUnauthorized: true } },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => ({ ...headers, authorization: `Bearer ${ACCESS_TOKEN}` })
  }
})

server.listen({ port: Number(PORT), host: '127.0.0.1' })
