import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { Reads } from '../reads/reads.ts'
import type { Repeats } from '../repeats/repeats.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import type { ForwardOptions } from './forward.ts'
import type { GuardConfig } from './guards.ts'
import type { HeaderRules } from './head.ts'
import { Outbox } from './outbox.ts'
import type { ExchangeRecord } from './record.ts'
import { Roster } from './roster.ts'

export interface DoorOptions {
  readonly clock: Clock
  readonly guards: GuardConfig
  readonly forward: ForwardOptions
  readonly reads: Reads
  readonly repeats: Repeats
  readonly basePath: string
  readonly headerRules: HeaderRules
  /** Told once for each request, at its end. */
  readonly onExchange: (record: ExchangeRecord) => void
}

/** Who is inside, and whether others are let in. */
export class Door implements ExchangeContext {
  readonly clock: Clock
  readonly guards: GuardConfig
  readonly forward: ForwardOptions
  readonly reads: Reads
  readonly repeats: Repeats
  readonly basePath: string
  readonly headerRules: HeaderRules
  readonly outbox = new Outbox()
  readonly #onExchange: (record: ExchangeRecord) => void
  readonly #inside = new Roster<Exchange>()
  #requests = 0
  #isLeaving = false
  #isDraining = false
  #onEmpty: (() => void) | undefined

  constructor ({ clock, guards, forward, reads, repeats, basePath, headerRules, onExchange }: DoorOptions) {
    this.clock = clock
    this.guards = guards
    this.forward = forward
    this.reads = reads
    this.repeats = repeats
    this.basePath = basePath
    this.headerRules = headerRules
    this.#onExchange = onExchange
  }

  /** @param isOnSocket whether it came by the unix socket */
  open (req: IncomingMessage, res: ServerResponse, isOnSocket: boolean): Exchange {
    return new Exchange(this, req, res, isOnSocket)
  }

  /** Those that go on though their app has left take as much as the others. */
  get inFlight (): number {
    return this.#inside.size + this.repeats.carried
  }

  get isLeaving (): boolean {
    return this.#isLeaving
  }

  get isDraining (): boolean {
    return this.#isDraining
  }

  nextRequestId (): string {
    return (++this.#requests).toString(36)
  }

  onAdmitted (exchange: Exchange): void {
    this.#inside.add(exchange)
  }

  onClosed (exchange: Exchange, record: ExchangeRecord): void {
    if (!exchange.isRefused) this.#inside.delete(exchange)
    this.#onExchange(record)
    if (this.#inside.size === 0) this.#onEmpty?.()
  }

  /** Goes on serving, but every answer ends its connection. */
  leave (): void {
    this.#isLeaving = true
  }

  /** Lets nobody in any more; resolves when the last one is out. */
  async drain (): Promise<void> {
    this.#isLeaving = true
    this.#isDraining = true
    if (this.#inside.size > 0) await new Promise<void>(resolve => { this.#onEmpty = resolve })
    await this.repeats.finished()
  }

  /** Ends what is still inside, each with the truth about it. */
  cut (): void {
    for (const exchange of [...this.#inside]) exchange.cut()
    this.repeats.cut()
  }
}
