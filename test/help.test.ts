import t from 'tap'
import { COMMANDS, describeDefault, helpText, suggestionFor } from '../src/commands/help.ts'
import { SETTING_NAMES, settingOf } from '../src/config/settings.ts'

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

for (const [word, suggestion] of [['serv', 'serve'], ['chekc', 'check'], ['demos', 'demo'], ['helthcheck', 'healthcheck'], ['start', undefined], ['x', undefined]] as const) {
  t.test(`who types "${word}" is ${suggestion === undefined ? 'suggested no command' : `asked whether it should be ${suggestion}`}`, async t => {
    t.equal(suggestionFor(word, Object.keys(COMMANDS)), suggestion)
  })
}
