import { posix } from 'node:path'

/**
 * How servers come to read a request target: each gives the path that such a server serves. Written from what those servers do, not from
 * what the sidecar looks for: nothing here comes from src.
 *
 * No reading folds the dots and slashes of other scripts into ASCII: no HTTP server is known to do so before it routes.
 */
export const READINGS: Readonly<Record<string, (target: string) => string>> = {
  'as it stands': path,
  'with its dot segments removed (RFC 3986)': target => withoutDotSegments(path(target)),
  'with slashes merged and dot segments removed': target => posix.normalize(path(target)),
  'as a browser reads URLs (WHATWG)': whatwg,
  'as a browser reads URLs, then decoded and normalised': target => posix.normalize(decode(whatwg(target))),
  'decoded once, then normalised (nginx)': target => posix.normalize(decode(path(target))),
  'decoded once, then without dot segments (nginx, merge_slashes off)': target => withoutDotSegments(decode(path(target))),
  'decoded twice, then normalised': target => posix.normalize(decode(path(target), 2)),
  'decoded three times, then normalised': target => posix.normalize(decode(path(target), 3)),
  'normalised before it is decoded and after': target => posix.normalize(decode(posix.normalize(path(target)))),
  'decoded but for its slashes (Apache)': target => posix.normalize(decode(path(target).replace(/%2f/gi, '%252f'))),
  'with backslashes as slashes': target => posix.normalize(path(target).replaceAll('\\', '/')),
  'decoded, with backslashes as slashes (IIS)': target => posix.normalize(decode(path(target)).replaceAll('\\', '/')),
  'with %u escapes (old IIS)': target => posix.normalize(decode(path(target).replace(/%u00([0-9a-f]{2})/gi, '%$1'))),
  'without parameters, then decoded (Tomcat)': target => posix.normalize(decode(withoutParameters(path(target)))),
  'decoded, then without parameters (Spring)': target => posix.normalize(withoutParameters(decode(path(target)))),
  'decoded twice, then without parameters': target => posix.normalize(withoutParameters(decode(path(target), 2))),
  'cut at an encoded NUL (C strings)': target => posix.normalize(upTo(decode(path(target)), '\0')),
  'with NUL bytes left out': target => posix.normalize(decode(path(target)).replaceAll('\0', '')),
  'with controls left out': target => posix.normalize(withoutControls(decode(path(target), 2))),
  'in lax UTF-8, which has overlong forms (old Java)': target => posix.normalize(laxUtf8(decode(path(target)))),
  'decoded twice, in lax UTF-8': target => posix.normalize(laxUtf8(decode(path(target), 2))),
  'in lower case (Windows)': target => posix.normalize(decode(path(target))).toLowerCase(),
  'decoded and parsed again (a rewriting proxy)': target => posix.normalize(path(decode(path(target)))),
  'decoded twice and parsed again': target => posix.normalize(path(decode(path(target), 2))),
  'as the most lenient of all': target =>
    posix.normalize(withoutParameters(withoutControls(laxUtf8(decode(path(target), 3))).replaceAll('\\', '/'))).toLowerCase()
}

/** Whether a path is the prefix or lies below it. */
export function isBelow (landed: string, prefix: string): boolean {
  return landed === prefix || landed.startsWith(`${prefix}/`)
}

function path (target: string): string {
  return upTo(upTo(target, '#'), '?')
}

function upTo (text: string, end: string): string {
  return text.split(end)[0] ?? ''
}

/** Leaves bad escapes as they are, as lenient servers do. */
function decode (text: string, times = 1): string {
  let decoded = text
  for (let i = 0; i < times; i++) decoded = decoded.replaceAll(/%[0-9a-f]{2}/gi, escape => String.fromCharCode(Number(`0x${escape.slice(1)}`)))
  return decoded
}

/** RFC 3986 §5.2.4: an empty segment is a segment. */
function withoutDotSegments (text: string): string {
  const kept: string[] = []
  const segments = text.split('/').slice(1)
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (isLast) kept.push('')
  }
  return `/${kept.join('/')}`
}

function whatwg (target: string): string {
  return URL.canParse(target, 'http://api.example') ? new URL(target, 'http://api.example').pathname : target
}

function withoutParameters (text: string): string {
  return text.split('/').map(segment => upTo(segment, ';')).join('/')
}

function withoutControls (text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what it leaves out
  return text.replace(/[\x00-\x1f\x7f]/g, '')
}

/** Decodes ASCII characters that are spread over two, three or four bytes. */
function laxUtf8 (bytes: string): string {
  return bytes.replace(/\xf0\x80?\x80([\x80\x81])([\x80-\xbf])|\xe0([\x80\x81])([\x80-\xbf])|([\xc0\xc1])([\x80-\xbf])/g, (sequence: string) => {
    const high = sequence.charCodeAt(sequence.length - 2) & 1
    const low = sequence.charCodeAt(sequence.length - 1) & 0x3f
    return String.fromCharCode(high << 6 | low)
  })
}
