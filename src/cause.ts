/** What an error says, for the log and for operators; where every address of a host name was tried, what each of them said. */
export function messageOf (error: Error): string {
  return error instanceof AggregateError ? error.errors.map(each => String(each.message)).join('; ') : error.message
}

const UNTRUSTED = 'Nobody who is trusted here vouches for its certificate: check the URL; where TLS is inspected, name the inspector\'s certificate in NODE_EXTRA_CA_CERTS.'
const UNTIMELY = 'Its certificate is not valid at this time: check this machine\'s clock.'
const NO_TLS = 'What answers there speaks no TLS: check scheme, host and port of the URL, and what is in between.'

/** By the code of Node and OpenSSL: what mends a failure to connect that trying again does not. */
const CURES: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_HAS_EXPIRED: UNTIMELY,
  CERT_NOT_YET_VALID: UNTIMELY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another name: check the URL.',
  // OpenSSL 3.0 and 3.5.
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS
}

/** What to do about a failure to connect, where its cause tells; undefined where waiting may mend it. */
export function cureOf (cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? CURES[String(cause.code)] : undefined
}
