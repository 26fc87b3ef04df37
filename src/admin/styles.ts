/** The page's only styles. Their hash stands in its Content-Security-Policy, so they are constant. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #fff; --ink: #1b1f23; --soft: #59626c; --line: #e2e3df; --track: #e4e7ec;
  --accent: #2858c4; --good: #17794a; --warning: #8f5a00; --bad: #b3261e; --leaving: #54606c;
  --good-page: transparent; --warning-page: #fdf3dd; --bad-page: #fdeae8; --leaving-page: #e9edf1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111417; --card: #1a1e22; --ink: #e7eaed; --soft: #a3adb7; --line: #2c3238; --track: #333a42;
    --accent: #86aaff; --good: #5cc98c; --warning: #eeb64f; --bad: #ff8d83; --leaving: #a9b4bf;
    --warning-page: #2f2613; --bad-page: #371b19; --leaving-page: #22282e;
  }
}
* { box-sizing: border-box; }
html { text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 0.9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1, h2, h3, p, dl, dd { margin: 0; }
h1 { font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; }
h2, h3 { font-size: 0.9375rem; line-height: 1.4; font-weight: 600; }
main { display: grid; gap: 1.5rem; margin: 1.5rem 0; }
a { color: var(--accent); text-underline-offset: 0.2em; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 2px; }
.soft { color: var(--soft); font-weight: 400; }

.verdict { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.75rem 2rem; padding: 0.5rem 0; }
.verdict > .soft { padding-top: 0.375rem; }
.told { flex: 1 1 30rem; display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0 1rem; }
.told p { max-width: 44rem; margin-top: 0.5rem; }
.icon { width: 2.25rem; height: 2.25rem; fill: currentcolor; }
.icon .sign { fill: none; stroke: var(--page); stroke-width: 3; stroke-linecap: round; stroke-linejoin: round; }
.icon.good { color: var(--good); } .icon.warning { color: var(--warning); } .icon.bad { color: var(--bad); } .icon.leaving { color: var(--leaving); }
.warning-verdict, .bad-verdict, .leaving-verdict { padding: 1.5rem; border-radius: 0.75rem; }
.warning-verdict { background: var(--warning-page); } .bad-verdict { background: var(--bad-page); } .leaving-verdict { background: var(--leaving-page); }

.grid { display: grid; gap: 1rem; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
.card { min-width: 0; padding: 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; }
h2 + *, h3 + * { margin-top: 0.25rem; }
section > .grid { margin: 0.5rem 0 0.75rem; }
.big { margin-bottom: 0.75rem; font-size: 1.375rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.01em; }
.big .soft { display: block; font-size: 0.9375rem; letter-spacing: 0; }
.card dl > div { display: grid; grid-template-columns: 6.75rem minmax(0, 1fr); gap: 0 0.75rem; padding: 0.4rem 0; border-top: 1px solid var(--line); }
.card dl > div:first-child { border-top: 0; }
dt { color: var(--soft); }

svg { display: block; }
.bar { width: 100%; height: 20px; }
.chart { width: 100%; height: auto; }
.axis { display: flex; justify-content: space-between; gap: 1rem; margin: 0.25rem 0 0.5rem; color: var(--soft); font-size: 0.8125rem; }
.axis > :first-child, .axis > :last-child { flex: none; }
.axis > :nth-child(2):not(:last-child) { text-align: center; }
.axis:last-child { margin-bottom: 0; }
.line-key { display: inline-block; width: 20px; height: 8px; margin: 0 0.25rem 0 0.5rem; }
.track { fill: var(--track); } .accent { fill: var(--accent); } rect.warning { fill: var(--warning); } rect.bad { fill: var(--bad); }
.mark { fill: var(--ink); stroke: var(--card); stroke-width: 1; }
.key { display: inline-block; width: 10px; height: 14px; margin-left: 0.375rem; vertical-align: -2px; }
.running { opacity: 0.5; }
.base { stroke: var(--line); }
.line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.dashed { stroke-width: 1.5; stroke-dasharray: 3 4; }
.hint { fill: transparent; } .hint:hover { fill: var(--ink); opacity: 0.07; }

.card .figures { display: grid; gap: 1rem; margin-top: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); }
.card .figures > div { display: block; padding: 0; border: 0; }
.figures dd { font-size: 1.375rem; line-height: 1.3; font-weight: 600; }

summary { cursor: pointer; padding: 0.25rem 0; color: var(--soft); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.4rem 0.75rem 0.4rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; }
thead th { border: 0; color: var(--soft); }
.numbers { max-width: 40rem; overflow-wrap: normal; }
.numbers th, .numbers td { padding-right: 0.5rem; }
.numbers td { white-space: nowrap; }
.numbers td, .numbers th:not(:first-child) { text-align: right; }
.numbers td:last-child, .numbers th:last-child { padding-right: 0; }
.errors { table-layout: fixed; }
.errors th:nth-child(1) { width: 17%; } .errors th:nth-child(2) { width: 32%; } .errors th:nth-child(3) { width: 8%; } .errors th:nth-child(4) { width: 15%; }
.id { font: 0.8125rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.narrow { display: none; }
.errors + h3 { margin-top: 1.5rem; }
.card .meanings > div { grid-template-columns: 15rem minmax(0, 1fr); }
.meanings dt { color: var(--ink); }
.meanings > div:target { background: var(--warning-page); }
footer { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.5rem 2rem; color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; }

@media (min-width: 42rem) {
  .cards { grid-template-columns: 1fr 1fr; }
  .cards > :last-child { grid-column: 1 / -1; }
}
@media (min-width: 72rem) {
  .cards { grid-template-columns: 1fr 1fr 1fr; }
  .cards > :last-child { grid-column: auto; }
}
@media (max-width: 59.99rem) {
  .errors, .errors tbody { display: block; }
  .errors thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .errors tr { display: grid; grid-template-columns: minmax(0, 1fr) fit-content(50%); gap: 0 0.75rem; padding: 0.625rem 0; border-top: 1px solid var(--line); }
  .errors td { padding: 0; border: 0; }
  .errors td:nth-child(2) { order: -2; } .errors td:nth-child(3) { order: -1; text-align: right; }
  .errors td:nth-child(4) { text-align: right; }
  .errors td:last-child { grid-column: 1 / -1; color: var(--soft); }
  .narrow { display: inline; }
}
@media (max-width: 41.99rem) {
  .card .meanings > div { display: block; }
  .card { padding: 1rem; }
  .card dl > div { grid-template-columns: 6.5rem minmax(0, 1fr); }
}
@media (forced-colors: active) {
  .accent, rect.warning, rect.bad, .mark { fill: CanvasText; }
  .track { fill: GrayText; } .line { stroke: CanvasText; }
}
`
