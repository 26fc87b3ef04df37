import type { ToldWindow } from '../window-count.ts'

/** What a request is for: writes may take of what is kept for them. */
export type Purpose = 'write' | 'other'

/** Who asks the fleet: `look` takes nothing. */
export type Want = Purpose | 'look'

/** What one process tells the fleet. */
export interface Report {
  readonly want: Want
  /** What the API told it last, and for how long that window lasts. */
  readonly told: ToldWindow | undefined
  readonly lastsMs: number
  /** What it holds and has not spent: the API has not counted it. */
  readonly unspent: number
  /** What it sent in this window without a grant, and did not tell of yet. */
  readonly ungranted: number
}

/** What the fleet answers. */
export interface Grant {
  /** How many this process may send. */
  readonly granted: number
  /** Only writes: they are of what is kept for them. */
  readonly isKept: boolean
  /** Of the fleet, after that. Undefined while nobody was told a limit. */
  readonly window: { readonly id: string, readonly limit: number, readonly left: number, readonly endsInMs: number } | undefined
  /** How many live processes share the quota. */
  readonly pods: number
}

/** One count for all processes of a client. */
export interface QuotaStore {
  /** Costs a comparison. */
  readonly isUp: boolean
  /** When an answer is here at the latest. */
  readonly limitMs: number
  /** @returns undefined where the fleet can't be asked now */
  take (report: Report): Promise<Grant | undefined>
  /** @returns whether it was taken back */
  giveBack (windowId: string, n: number): Promise<boolean>
  /** This process ends. */
  leave (windowId: string, n: number): Promise<void>
}
