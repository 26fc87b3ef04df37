// Fastify as it is, with one route that answers by itself.
const fastify = require('fastify')

const server = fastify()

server.get('/venues/*', async () => ({ data: [] }))

server.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
