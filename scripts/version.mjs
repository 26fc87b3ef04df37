import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Run by `npm version`, when package.json has its new version: writes it wherever else it stands, and gives what the changelog has
 * under Unreleased to it. A test holds them together.
 */
const { npm_package_version: version } = process.env
if (version === undefined) throw new Error('run it by npm version')

function rewrite (path, pattern, by) {
  const file = new URL(`../${path}`, import.meta.url)
  const text = readFileSync(file, 'utf8')
  if (!pattern.test(text)) throw new Error(`${path}: nothing like ${pattern}`)
  writeFileSync(file, text.replace(pattern, by))
}

const NUMBER = String.raw`\d+\.\d+\.\d+(?:-[\w.]+)?`

rewrite('src/version.ts', new RegExp(`'${NUMBER}'`), `'${version}'`)
rewrite('Dockerfile', new RegExp(`(image\\.version=")${NUMBER}`), `$1${version}`)
for (const name of ['deployment', 'deployment-plain-container', 'gateway', 'job']) {
  rewrite(`deploy/kubernetes/${name}.yaml`, new RegExp(`(/bookable-sidecar:)${NUMBER}`), `$1${version}`)
}
rewrite('CHANGELOG.md', /^## \[Unreleased\]\n/m, `## [Unreleased]\n\n## [${version}] - ${new Date().toISOString().slice(0, 10)}\n`)
