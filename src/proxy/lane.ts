import type { Lane } from '../quota/lanes.ts'
import { isRead } from '../upstream/failure.ts'

/**
 * Where a request waits while the quota is spent: a list is exactly a route, whatever its query; what lies below (availability, looking a
 * booking up) is asked by someone who is about to book.
 */
export function laneOf (method: string, target: string, route: string): Lane {
  if (!isRead(method)) return 'write'
  return target.length === route.length || target[route.length] === '?' ? 'list' : 'read'
}
