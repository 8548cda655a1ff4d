/** Replaces secrets in everything that is printed, logged or stored. */
export type Redactor = (text: string) => string

/**
 * `secrets` are values known to be secret; their Base64, hexadecimal, URL-encoded and JSON-escaped forms
 * are replaced too. The shapes of common tokens are replaced whether known or not. A secret that is
 * shifted, reversed or spaced out is not found.
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = new Set(secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf))
  const known = [...forms].toSorted((left, right) => right.length - left.length)
  return (text) => {
    let redacted = text
    for (const form of known) redacted = redacted.replaceAll(form, MARK)
    for (const shape of TOKEN_SHAPES) redacted = redacted.replace(shape, MARK)
    return redacted
  }
}

/** Values of variables that hold keys: the ones that the configuration names, and whatever is called so. */
export function secretsOf(env: Environment, keyVariables: readonly string[]): readonly string[] {
  const named = new Set(keyVariables)
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && (named.has(name) || SECRET_NAME.test(name)) ? [value] : [],
  )
}

export type Environment = Readonly<Record<string, string | undefined>>

const MARK = '[redacted]'
/** Shorter values would blank out ordinary words. */
const SHORTEST = 8
const SECRET_NAME = /(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i

const TOKEN_SHAPES = [
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_\w{20,}/g,
  /\bglpat-[\w-]{16,}/g,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[\w-]{30,}/g,
  /\bey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.[\w-]{10,}/g,
  /(?<=\bBearer\s{1,4})[\w.~+/=-]{16,}/gi,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
]

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const base64 = bytes.toString('base64')
  return [
    secret,
    base64,
    base64.replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ]
}
