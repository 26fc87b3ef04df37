/**
 * For fast-check: each run of the suite plays the same histories, so that it fails for what was changed and not for what was always there.
 * `MODEL_SEED=random` plays others, and a number those of a failure.
 */
const { MODEL_SEED = '20261121' } = process.env

export const SEEDED = MODEL_SEED === 'random' ? {} : { seed: Number(MODEL_SEED) }
