import { html, type Html } from './html.ts'

/** What a screen reader says of a bar or a chart. */
interface Named {
  /** Unique in the page. */
  readonly id: string
  readonly title: string
  readonly description: string
}

/** One minute of a chart. */
export interface Point {
  /** What the pointer shows over it. */
  readonly hint: string
  /** Null where there was nothing to measure. */
  readonly value: number | null
}

const WIDTH = 300
const HEIGHT = 64
/** The room above the highest value. */
const TOP = 4
const BASE = HEIGHT - 1
const GAP = 4

/**
 * A horizontal bar.
 * @param share how much of it is filled, 0 to 1
 * @param mark where a mark stands, 0 to 1
 */
export function bar ({ id, title, description, share, mark, tone }: Named & { readonly share: number, readonly mark?: number | undefined, readonly tone: string }): Html {
  const marker = mark === undefined ? html`` : html`<rect class="mark" x="${percentage(mark)}" y="0" width="4" height="20" rx="2" transform="translate(-2 0)"/>`
  return html`<svg class="bar" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc><rect class="track" y="5" width="100%" height="10" rx="5"/><rect class="${tone}" y="5" width="${percentage(share)}" height="10" rx="5"/>${marker}</svg>`
}

/**
 * Columns, the last of which is still growing.
 * @param floor the least value that fills the height, so that one error does not look like a hundred
 */
export function columnChart ({ points, floor, tone, ...named }: Named & { readonly points: readonly Point[], readonly floor: number, readonly tone: string }): Html {
  const scale = scaleOf(points, floor)
  const columns = points.map(({ value }, i) => {
    if (value === null || value <= 0) return html``
    const { left, width } = slotOf(i, points.length)
    // One of a thousand is still seen.
    const height = Math.max(scale(value), 2)
    const state = i === points.length - 1 ? 'running' : 'done'
    return html`<rect class="${tone} ${state}" x="${round(left + GAP / 2)}" y="${round(BASE - height)}" width="${round(width - GAP)}" height="${round(height)}" rx="2"/>`
  })
  return chart(named, points, columns)
}

/** Lines over the same minutes, broken where nothing was measured. The first is drawn solid, the second dashed. */
export function lineChart ({ lines, ...named }: Named & { readonly lines: readonly [readonly Point[], readonly Point[]] }): Html {
  const scale = scaleOf(lines.flat(), 1)
  const paths = lines.map((points, line) => {
    const steps = points.map(({ value }, i) => {
      if (value === null) return ''
      const { left, width } = slotOf(i, points.length)
      const isFirst = (points[i - 1]?.value ?? null) === null
      // A stroke of no length with round ends is a dot: a lone minute is seen too.
      return `${isFirst ? 'M' : 'L'}${round(left + width / 2)} ${round(BASE - scale(value))}${isFirst ? 'h0' : ''}`
    })
    return html`<path class="line ${line === 0 ? 'solid' : 'dashed'}" d="${steps.join('')}"/>`
  })
  return chart(named, lines[1], paths)
}

/** How a line looks, for a legend. */
export function lineKey (look: 'solid' | 'dashed'): Html {
  return html`<svg class="line-key" aria-hidden="true" viewBox="0 0 20 8"><path class="line ${look}" d="M2 4H18"/></svg>`
}

function chart ({ id, title, description }: Named, points: readonly Point[], shapes: readonly Html[]): Html {
  const hints = points.map(({ hint }, i) => {
    const { left, width } = slotOf(i, points.length)
    return html`<rect class="hint" x="${round(left)}" y="0" width="${round(width)}" height="${HEIGHT}"><title>${hint}</title></rect>`
  })
  return html`<svg class="chart" role="img" aria-labelledby="${id}-t ${id}-d" viewBox="0 0 ${WIDTH} ${HEIGHT}"><title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc><path class="base" d="M0 ${BASE + 0.5}H${WIDTH}"/>${shapes}${hints}</svg>`
}

function slotOf (i: number, length: number): { readonly left: number, readonly width: number } {
  const width = WIDTH / length
  return { left: i * width, width }
}

function scaleOf (points: readonly Point[], floor: number): (value: number) => number {
  const max = Math.max(floor, ...points.map(({ value }) => value ?? 0))
  return value => value / max * (BASE - TOP)
}

function percentage (share: number): string {
  return `${round(Math.min(Math.max(share, 0), 1) * 100)}%`
}

function round (value: number): number {
  return Math.round(value * 10) / 10
}
