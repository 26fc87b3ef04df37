import { Problem } from '../problem.ts'
import type { KnownQuota } from './known-quota.ts'

/** What a request is told that is not held, or no longer. Pure. */
export function quotaSpent (status: KnownQuota | undefined, opensInMs: number): Problem {
  return new Problem('RATE-R-001', whyNot(status), { retryAfterMs: opensInMs, quota: status })
}

function whyNot (status: KnownQuota | undefined): string {
  if (status === undefined) return 'The quota of the API is not known yet.'
  const { limit, remaining } = status
  if (remaining > 0) return `Of the quota of ${limit} requests in a window ${remaining} are left, which are kept for writes.`
  return `The quota of ${limit} requests in a window is spent, and waiting for the next window would take too long.`
}
