import t from 'tap'
import { Board, type Posted } from '../../src/reads/board.ts'

class Member implements Posted<Member> {
  readonly key: string
  next: Member | undefined

  constructor (key: string) {
    this.key = key
  }
}

/** Far more than there are buckets: many share one. */
const members = (): Member[] => Array.from({ length: 5_000 }, (_, i) => new Member(`/venues/${i}`))

t.test('whoever was added and not deleted is found, and nobody else', async t => {
  const board = new Board<Member>()
  const all = members()
  for (const member of all) board.add(member)
  t.ok(all.every(member => board.find(member.key) === member))
  const [gone, left] = [all.filter((_, i) => i % 3 === 0), all.filter((_, i) => i % 3 !== 0)]
  for (const member of gone) board.delete(member)
  t.ok(gone.every(({ key }) => board.find(key) === undefined))
  t.ok(left.every(member => board.find(member.key) === member))
  t.ok(gone.every(({ next }) => next === undefined))
})

t.test('of two with one key the latest is found, and each is deleted alone', async t => {
  const board = new Board<Member>()
  const [old, latest] = [new Member('a'), new Member('a')]
  board.add(old)
  board.add(latest)
  t.equal(board.find('a'), latest)
  board.delete(latest)
  t.equal(board.find('a'), old)
  board.add(latest)
  board.delete(old)
  t.equal(board.find('a'), latest)
})

t.test('to delete who is not there, or not any more, changes nothing', async t => {
  const board = new Board<Member>()
  const all = members()
  for (const member of all) board.add(member)
  for (const { key } of all) board.delete(new Member(key))
  t.ok(all.every(member => board.find(member.key) === member))
  board.clear()
  const newer = members()
  for (const member of newer) board.add(member)
  for (const member of all) board.delete(member)
  t.ok(newer.every(member => board.find(member.key) === member))
})
