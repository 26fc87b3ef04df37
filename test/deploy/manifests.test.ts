import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { SETTING_NAMES, settingOf } from '../../src/config/settings.ts'

const ROOT = new URL('../../', import.meta.url)
const KUBERNETES = 'deploy/kubernetes/'
const UNIT = 'deploy/systemd/bookable-sidecar.service'

/** What `serve` takes on top of the drain's own limits before it ends by force. */
const LAST_RESORT_S = 5

const text = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
const { version } = JSON.parse(text('package.json')) as { version: string }
const manifests = readdirSync(new URL(KUBERNETES, ROOT)).filter(name => name.endsWith('.yaml')).map(name => KUBERNETES + name)
/** A setting's value in a manifest, in seconds; 0 where it is not set, as its default. */
const seconds = (manifest: string, setting: string): number => Number(new RegExp(`name: ${setting}, value: "(\\d+)"`).exec(manifest)?.[1] ?? 0) / 1000

t.test('image and manifests name the version of the package', async t => {
  t.match(text('Dockerfile'), `org.opencontainers.image.version="${version}"`)
  for (const path of manifests) {
    for (const [image] of text(path).matchAll(/\S+\/bookable-sidecar:\S+/g)) t.ok(image.endsWith(`:${version}`), `${path}: ${image}`)
  }
})

t.test('every file says at its top what to change, and the command', async t => {
  for (const path of [...manifests, UNIT]) {
    const top = text(path).split(/^(?!#)/m, 1).join()
    t.match(top, /^# Change: .*CHANGE/m, path)
    t.match(top, /^# {3}.*(kubectl apply -f|systemctl enable) /m, path)
  }
})

t.test('every setting that a deployment names exists', async t => {
  const known = new Set(SETTING_NAMES.flatMap(name => settingOf(name).isSecret === true ? [name, `${name}_FILE`] : [name]))
  const foreign = new Set(['NODE_ENV', 'NAMESPACE'])
  for (const path of [...manifests, UNIT, 'deploy/systemd/bookable-sidecar.env', 'docker-compose.yml', 'deploy/compose/fleet.yml', 'Dockerfile']) {
    const names = [...text(path).matchAll(/name: ([A-Z][A-Z_]+)\b|^ +([A-Z][A-Z_]+): |^(?:ENV|Environment=)(.*)|^#?([A-Z][A-Z_]+)=/gm)]
      .flatMap(([, manifest, compose, list, env]) => list === undefined ? [manifest ?? compose ?? env ?? ''] : [...list.matchAll(/([A-Z_]+)=/g)].map(([, name = '']) => name))
    for (const name of names.filter(name => !foreign.has(name))) t.ok(known.has(name as typeof SETTING_NAMES[number]), `${path}: ${name}`)
  }
})

t.test('the grace of every deployment is longer than the drain may take', async t => {
  const graces = manifests.map(text).filter(manifest => manifest.includes('SHUTDOWN_TIMEOUT_MS'))
  t.equal(graces.length, 4)
  for (const manifest of graces) {
    const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(manifest)?.[1])
    t.ok(grace >= seconds(manifest, 'SHUTDOWN_DELAY_MS') + seconds(manifest, 'SHUTDOWN_TIMEOUT_MS') + LAST_RESORT_S, `${grace} s`)
  }
  const drainS = (Number(settingOf('SHUTDOWN_DELAY_MS').default) + Number(settingOf('SHUTDOWN_TIMEOUT_MS').default)) / 1000
  t.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(text(UNIT))?.[1]) >= drainS + LAST_RESORT_S)
  for (const path of ['docker-compose.yml', 'deploy/compose/fleet.yml']) t.ok(Number(/stop_grace_period: (\d+)s/.exec(text(path))?.[1]) >= drainS + LAST_RESORT_S)
})

t.test('the fleets share all that can be shared', async t => {
  const stores = SETTING_NAMES.filter(name => name.endsWith('_STORE'))
  t.equal(stores.length, 3)
  for (const path of ['deploy/compose/fleet.yml', `${KUBERNETES}fleet.yaml`]) {
    for (const name of stores) t.match(text(path), new RegExp(`\\b${name}(:|, value:) redis\\b`), path)
  }
})
