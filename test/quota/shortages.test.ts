import t from 'tap'
import { Shortages, type Shortage } from '../../src/quota/shortages.ts'

const known = { limit: 10, left: 10, endsAtMs: 60_000 }

t.test('a window in which some were held or refused is told of once, when the next one is there', async t => {
  const told: Shortage[] = []
  const shortages = new Shortages(shortage => told.push(shortage))
  shortages.noticeWindow({ windows: 1, known })
  shortages.held('write')
  shortages.held('list')
  shortages.held('list')
  shortages.refused()
  shortages.noticeWindow({ windows: 1, known })
  t.same(told, [], 'it is not over')
  shortages.noticeWindow({ windows: 2, known })
  shortages.noticeWindow({ windows: 3, known })
  t.same(told, [{ limit: 10, held: { write: 1, read: 0, list: 2 }, refused: 1 }])
  shortages.refused()
  shortages.noticeWindow({ windows: 4, known })
  t.same(told[1], { limit: 10, held: { write: 0, read: 0, list: 0 }, refused: 1 }, 'each window is counted from nothing')
})

t.test('a window that was enough for all is not told of', async t => {
  const told: Shortage[] = []
  const shortages = new Shortages(shortage => told.push(shortage))
  for (let windows = 1; windows < 4; windows++) shortages.noticeWindow({ windows, known })
  t.same(told, [])
})
