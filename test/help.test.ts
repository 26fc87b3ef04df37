import { readFileSync } from 'node:fs'
import t from 'tap'
import { COMMANDS, describeDefault, helpText, suggestionFor } from '../src/commands/help.ts'
import { SETTING_NAMES, settingOf } from '../src/config/settings.ts'
import { VERSION } from '../src/version.ts'

t.test('help tells every command and every setting with its default, and fits a terminal', async t => {
  const text = helpText()
  for (const command of Object.keys(COMMANDS)) t.match(text, `\n  ${command}`)
  for (const name of SETTING_NAMES) t.ok(text.includes(`\n  ${name} (${describeDefault(name)})\n`), name)
  t.same(text.split('\n').filter(line => line.length > 80), [])
})

t.test('a default is one of the allowed values', async t => {
  for (const name of SETTING_NAMES) {
    const { schema, default: value } = settingOf(name)
    if (value !== undefined && schema.enum !== undefined) t.ok(schema.enum.includes(value), name)
  }
})

t.test('the version is that of package.json', async t => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  t.equal(VERSION, version)
})

for (const [word, suggestion] of [['serv', 'serve'], ['chekc', 'check'], ['demos', 'demo'], ['helthcheck', 'healthcheck'], ['start', undefined], ['x', undefined]] as const) {
  t.test(`for "${word}" ${suggestion ?? 'nothing'} is suggested`, async t => {
    t.equal(suggestionFor(word, Object.keys(COMMANDS)), suggestion)
  })
}
