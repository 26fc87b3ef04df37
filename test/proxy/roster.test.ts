import t from 'tap'
import { Roster, type Listed } from '../../src/proxy/roster.ts'

interface Member extends Listed<Member> { readonly name: string }

const member = (name: string): Member => ({ name, previous: undefined, next: undefined })
const names = (roster: Roster<Member>): string => [...roster].map(({ name }) => name).sort().join('')

for (const order of ['abc', 'acb', 'bac', 'bca', 'cab', 'cba']) {
  t.test(`who leaves in the order ${order} leaves the others on the roster, and keeps no link to them`, async t => {
    const roster = new Roster<Member>()
    const members = new Map([...'abc'].map(name => [name, member(name)]))
    members.forEach(each => roster.add(each))
    let left = 'abc'
    for (const name of order) {
      const leaving = members.get(name)
      if (leaving === undefined) throw new Error(name)
      roster.delete(leaving)
      left = left.replace(name, '')
      t.equal(names(roster), left)
      t.equal(roster.size, left.length)
      t.match(leaving, { previous: undefined, next: undefined })
    }
  })
}
