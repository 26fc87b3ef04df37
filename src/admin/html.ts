import { withoutControls } from '../printable.ts'

/** A piece of markup, made by {@link html}. Nothing in it is escaped any more: use the constructor for constants only. */
export class Html {
  readonly markup: string

  constructor (markup: string) {
    this.markup = markup
  }
}

type Value = string | number | Html | readonly Html[]

/** A template whose values are escaped, unless they are markup already. */
export function html (strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(strings.map((text, i) => text + markupOf(values[i] ?? '')).join(''))
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Good for text and for quoted attributes; controls become visible. */
function escapeHtml (text: string): string {
  return withoutControls(text).replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}

function markupOf (value: Value): string {
  if (value instanceof Html) return value.markup
  if (typeof value === 'object') return value.map(({ markup }) => markup).join('')
  return escapeHtml(String(value))
}
