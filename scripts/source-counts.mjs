import { readdirSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { decode } from '@jridgewell/sourcemap-codec'

/**
 * What V8 counted in many processes (NODE_V8_COVERAGE), brought back to the sources that they ran, alone or as part of the program.
 * @param {string} folder of V8's files
 * @param {string} program bundle whose source map lies beside it
 * @returns {Map<string, Map<string, boolean>>} by the URL of a source: by `line:column`, both from 0, of each place that a source map knows, whether any
 * process ran it
 */
export function sourceCounts (folder, program) {
  const programUrl = pathToFileURL(program).href
  const programCode = readFileSync(program, 'utf8')
  const programParts = partsOf(JSON.parse(readFileSync(`${program}.map`, 'utf8')), programUrl, programCode.split('\n').map(line => line.length))
  /** @type {Map<string, ReturnType<typeof partsOf>>} */
  const known = new Map([[programUrl, programParts]])
  const sources = new Map()
  for (const name of readdirSync(folder)) {
    const { result, 'source-map-cache': maps = {} } = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'))
    for (const { url, functions } of result) {
      if (!known.has(url)) {
        const { data, lineLengths } = maps[url] ?? {}
        known.set(url, data == null ? [] : partsOf(data, url, lineLengths))
      }
      const parts = known.get(url)
      if (parts.length > 0) count(parts, functions.flatMap(({ ranges }) => ranges), sources)
    }
  }
  return sources
}

/** The parts of a script, in the order of where they are in it. */
function partsOf (map, url, lineLengths) {
  const starts = []
  let next = 0
  for (const length of lineLengths) {
    starts.push(next)
    next += length + 1
  }
  const sources = map.sources.map(source => new URL(source, url).href)
  const parts = decode(map.mappings).flatMap((segments, line) => segments.flatMap(([column, source, sourceLine, sourceColumn]) => {
    return source === undefined ? [] : [{ offset: starts[line] + column, source: sources[source], at: `${sourceLine}:${sourceColumn}` }]
  }))
  return parts.filter(({ source }) => source.startsWith(SRC) && source.endsWith('.ts'))
}

const SRC = new URL('../src/', import.meta.url).href

/** Of the ranges around a part the innermost counts; they are nested. */
function count (parts, ranges, sources) {
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const around = []
  let next = 0
  for (const { offset, source, at } of parts) {
    for (; next < ranges.length && ranges[next].startOffset <= offset; next++) {
      while (around.length > 0 && around.at(-1).endOffset <= ranges[next].startOffset) around.pop()
      around.push(ranges[next])
    }
    while (around.length > 0 && around.at(-1).endOffset <= offset) around.pop()
    if (!sources.has(source)) sources.set(source, new Map())
    const ran = sources.get(source)
    ran.set(at, ran.get(at) === true || (around.at(-1)?.count ?? 0) > 0)
  }
}
