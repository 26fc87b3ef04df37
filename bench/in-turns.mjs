/**
 * Measures contenders in turn, each time another one first: what disturbs the machine for seconds disturbs all of a round.
 * @template C, S
 * @param {readonly C[]} contenders
 * @param {number} rounds
 * @param {(contender: C, round: number) => Promise<S>} measure
 * @returns {Promise<Map<C, S[]>>}
 */
export async function inTurns (contenders, rounds, measure) {
  const samples = new Map(contenders.map(contender => [contender, /** @type {S[]} */ ([])]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const next = contenders[(round + turn) % contenders.length]
      if (next !== undefined) samples.get(next)?.push(await measure(next, round))
    }
  }
  return samples
}
