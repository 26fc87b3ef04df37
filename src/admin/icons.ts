import { html, type Html } from './html.ts'
import type { Verdict } from './verdict.ts'

type Tone = Verdict['tone']

/** A shape beside each colour: one reader in twelve does not see the colours apart. */
const SHAPES = {
  good: { fill: '#17794a', outline: 'M16 1a15 15 0 1 0 .001 0z', sign: 'M9 16.5l5 5L23.5 11' },
  warning: { fill: '#9a6200', outline: 'M16 2L31 29H1z', sign: 'M16 12v8M16 24.5v.01' },
  bad: { fill: '#b3261e', outline: 'M10 1h12l9 9v12l-9 9H10l-9-9V10z', sign: 'M10.5 10.5l11 11M21.5 10.5l-11 11' },
  leaving: { fill: '#54606c', outline: 'M16 1a15 15 0 1 0 .001 0z', sign: 'M9 16h14' }
} as const satisfies Record<Tone, { readonly fill: string, readonly outline: string, readonly sign: string }>

/** Beside the headline, which says the same in words. */
export function toneIcon (tone: Tone): Html {
  const { outline, sign } = SHAPES[tone]
  return html`<svg class="icon ${tone}" aria-hidden="true" viewBox="0 0 32 32"><path d="${outline}"/><path class="sign" d="${sign}"/></svg>`
}

/** The same for the browser's tab: whoever has dozens open sees which one needs them. */
export function iconLink (tone: Tone): Html {
  const { fill, outline, sign } = SHAPES[tone]
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="${fill}" d="${outline}"/><path fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round" d="${sign}"/></svg>`
  return html`<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(svg.markup)}">`
}
