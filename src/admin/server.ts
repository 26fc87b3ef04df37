import { randomUUID } from 'node:crypto'
import type { RequestListener, ServerResponse } from 'node:http'
import fastify from 'fastify'
import { sendProblem } from '../http/answer.ts'
import { asProblem, Problem } from '../problem.ts'
import { PROBES, type ProbeState } from './probes.ts'

const METHODS = ['GET', 'HEAD'] as const

/** The request listener for operators. It changes nothing. */
export async function createAdminServer (state: ProbeState): Promise<RequestListener> {
  const app = fastify({
    logger: false,
    frameworkErrors: (_error, _request, reply) => {
      reply.hijack()
      refuse(reply.raw, new Problem('PROXY-N-006', 'The path cannot be decoded.'))
    }
  })
  // No body is of interest, whatever it is called.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const [path, probe] of Object.entries(PROBES)) {
    app.get(path, (_request, reply) => {
      const problem = probe(state)
      if (problem === undefined) {
        void reply.header('Cache-Control', 'no-store').send({ status: 'ok' })
        return
      }
      reply.hijack()
      // A probe that fails is unavailable, whatever an app would be told.
      refuse(reply.raw, new Problem(problem.code, problem.message, { ...problem, status: 503 }))
    })
  }
  app.setNotFoundHandler((request, reply) => {
    reply.hijack()
    const isKnown = request.url.split('?')[0] as string in PROBES
    refuse(reply.raw, isKnown
      ? new Problem('PROXY-N-002', `The method ${request.method} is not allowed here.`, { allow: METHODS })
      : new Problem('PROXY-N-001', `There is no such page; there are ${Object.keys(PROBES).join(', ')}.`))
  })
  app.setErrorHandler((error, _request, reply) => {
    reply.hijack()
    refuse(reply.raw, asProblem(error))
  })
  await app.ready()
  return (req, res) => {
    // Fastify would refuse one that it can't parse.
    delete req.headers['content-type']
    app.routing(req, res)
  }
}

function refuse (res: ServerResponse, problem: Problem): void {
  sendProblem(res, problem, randomUUID(), false)
}
