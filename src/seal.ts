import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A key of 32 bytes for one purpose (HKDF, RFC 5869). It tells nothing of the secret, nor of the keys for other purposes. */
export function derivedKey (secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'bookable-sidecar', purpose, 32))
}

/** A name of 22 characters (over 128 bits of an HMAC) that tells nothing of what it names. */
export function hiddenName (key: Buffer, what: string | Buffer): string {
  return createHmac('sha256', key).update(what).digest('base64url').slice(0, 22)
}

/**
 * Locks content with AES-256-GCM.
 * @param binding what the content belongs to: the box opens only with the same one
 * @returns a box of base64
 */
export function sealed (key: Buffer, binding: Buffer, content: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(binding)
  const locked = Buffer.concat([cipher.update(content), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), locked]).toString('base64')
}

/** What a box holds; undefined where the box is torn, was changed, or belongs to another key or binding. */
export function opened (key: Buffer, binding: Buffer, box: string): Buffer | undefined {
  const bytes = Buffer.from(box, 'base64')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(binding)
      .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
  } catch {
    return undefined
  }
}
