import { settle } from './fake-clock.ts'

/** Looks again and again, while this process does what it is waited for. */
export async function until (isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await settle()
}

/** The same for what another process does, which comes with no event: with pauses in which this one costs nothing. */
export async function untilElsewhere (isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise(resolve => setTimeout(resolve, 10))
}
