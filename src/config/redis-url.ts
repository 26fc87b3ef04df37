import { Secret } from '../secret.ts'

/** Where Redis (or Valkey) is, and how one gets in. */
export interface RedisAddress {
  /** `sentinel`: the nodes are sentinels, which tell where the master is. `cluster`: they are some of its nodes. */
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly nodes: readonly RedisNode[]
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: Secret | undefined
  readonly database: number
  /** Empty unless there are sentinels. */
  readonly masterName: string
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: Secret | undefined
}

interface RedisNode { readonly host: string, readonly port: number }

/** The URL class takes one host only. */
const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/

const NODE = /^(?:\[([\da-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i

const PORTS = { single: 6379, sentinel: 26379, cluster: 6379 } as const

const SENTINEL_PARAMETERS = ['sentinelUsername', 'sentinelPassword']

/**
 * redis[s]://[USER:PASSWORD@]HOST[:PORT][/DATABASE], redis[s]+sentinel://…HOST[:PORT],HOST[:PORT]/MASTER[/DATABASE] (with
 * ?sentinelPassword=… where they ask for one), redis[s]+cluster://…HOST[:PORT],HOST[:PORT].
 * @throws an Error whose message completes "REDIS_URL: its value …", and holds nothing of it
 */
export function parseRedisUrl (value: string): RedisAddress {
  const [, scheme, form, userinfo, hosts, path = '', query = ''] = FORM.exec(value) ?? []
  if (scheme === undefined || hosts === undefined) throw new Error('is no Redis URL')
  const kind = form === 'sentinel' || form === 'cluster' ? form : 'single'
  const nodes = hosts.split(',').map(node => parseNode(node, PORTS[kind]))
  if (kind === 'single' && nodes.length > 1) throw new Error('names more than one host without +sentinel or +cluster')
  const { masterName, database } = parsePath(kind, path)
  const parameters = new URLSearchParams(query)
  if ([...parameters.keys()].some(name => kind !== 'sentinel' || !SENTINEL_PARAMETERS.includes(name))) throw new Error('holds a parameter that means nothing here')
  const sentinelPassword = parameters.get('sentinelPassword')
  return {
    kind,
    nodes,
    isTls: scheme === 'rediss',
    ...parseUserinfo(userinfo),
    database,
    masterName,
    sentinelUsername: parameters.get('sentinelUsername') ?? undefined,
    sentinelPassword: sentinelPassword === null ? undefined : new Secret(sentinelPassword)
  }
}

function parseNode (text: string, defaultPort: number): RedisNode {
  const [, address, name, port] = NODE.exec(text.trim()) ?? []
  const host = address ?? name
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) throw new Error('names no host and port that could be')
  return { host, port: port === undefined ? defaultPort : Number(port) }
}

function parsePath (kind: RedisAddress['kind'], path: string): Pick<RedisAddress, 'masterName' | 'database'> {
  const segments = path.split('/').map(decoded)
  const masterName = kind === 'sentinel' ? segments.shift() ?? '' : ''
  if (kind === 'sentinel' && masterName === '') throw new Error('names no master')
  const [database = '', ...rest] = segments
  if (rest.length > 0 || !/^\d{0,6}$/.test(database)) throw new Error('names no database that could be')
  if (kind === 'cluster' && Number(database) !== 0) throw new Error('names a database, and a cluster has but one')
  return { masterName, database: Number(database) }
}

function parseUserinfo (userinfo: string | undefined): Pick<RedisAddress, 'username' | 'password'> {
  if (userinfo === undefined) return { username: undefined, password: undefined }
  const colon = userinfo.indexOf(':')
  if (colon === -1) throw new Error('has a user without a password')
  const [username, password] = [decoded(userinfo.slice(0, colon)), decoded(userinfo.slice(colon + 1))]
  return { username: username === '' ? undefined : username, password: password === '' ? undefined : new Secret(password) }
}

function decoded (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('holds a bad % escape')
  }
}
