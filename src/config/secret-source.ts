import { readFileSync } from 'node:fs'
import { Secret } from '../secret.ts'

/** Where a secret comes from; asked again each time it is needed. */
export interface SecretSource {
  /** @param warn is told once, without the secret, when its file has become unreadable; the old value stays. */
  read (warn: (message: string) => void): Secret
}

export function fixedSecret (value: string): SecretSource {
  const secret = new Secret(value)
  return { read: () => secret }
}

/**
 * A secret in a file, so that a rotated one needs no restart.
 * @param check throws an Error that says what is wrong with a value, without it
 * @throws when the file can't be read or used at first; later the last good value stays
 */
export function fileSecret (name: string, path: string, check: (value: string) => unknown = () => {}): SecretSource {
  let secret = readSecretFile(path, check)
  let hasWarned = false
  return {
    read (warn) {
      try {
        secret = readSecretFile(path, check)
        hasWarned = false
      } catch (error) {
        if (!hasWarned) warn(`${name}_FILE: ${(error as Error).message}; the last good value stays in use`)
        hasWarned = true
      }
      return secret
    }
  }
}

/** One trailing newline is an editor's, not the secret's. */
function readSecretFile (path: string, check: (value: string) => unknown): Secret {
  const value = readText(path).replace(/\r?\n$/, '')
  if (value === '') throw new Error(`${path} is empty`)
  try {
    check(value)
  } catch (error) {
    throw new Error(`what ${path} holds ${(error as Error).message}`)
  }
  return new Secret(value)
}

function readText (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
