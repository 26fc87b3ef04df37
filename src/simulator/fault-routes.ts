import type { FastifyInstance } from 'fastify'
import { addResource, parseJson, sendProblem } from './api.ts'
import { FAULTS, type Faults } from './faults.ts'

/** Where faults are set and seen. */
export const FAULTS_PATH = '/simulator/faults'

/** Adds the control surface. It is no part of Bookable: no token, no quota, no count, and no fault strikes it. */
export function addFaultRoutes (app: FastifyInstance, faults: Faults): void {
  app.removeAllContentTypeParsers()
  // Whatever it is called: `curl -d` calls it a form.
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, body: string) => parseJson(body))
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, error))
  addResource(app, [FAULTS_PATH, {
    GET: () => ({ faults: faults.current, table: FAULTS }),
    POST (request) {
      faults.set(request.body)
      return { faults: faults.current }
    }
  }])
}
