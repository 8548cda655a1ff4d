/**
 * Takes secrets out of text. A net, not a wall: it knows some values, a few ways to write each of them, and
 * how common tokens look. Text that was redacted stays as it is when it is redacted again.
 */
export interface Redactor {
  (text: string): string
  /** The texts that stand for known secrets, longest first: for those who write a text in pieces. */
  readonly known?: readonly string[]
}

/** Stands where a secret stood. */
export const MARK = '[redacted]'

/**
 * `secrets` are values known to be secret; their Base64, hexadecimal, URL-encoded and JSON-escaped forms
 * are replaced too. The shapes of common tokens are replaced whether known or not. A secret that is
 * shifted, reversed or spaced out is not found.
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const forms = new Set(secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf))
  const known = [...forms]
    .filter((form) => !MARK.includes(form))
    .toSorted((left, right) => right.length - left.length)
  const redact = (text: string): string => {
    // No form and no shape is shorter.
    if (text.length < SHORTEST) return text
    let redacted = text
    for (const form of known) {
      if (redacted.includes(form)) redacted = redacted.replaceAll(form, MARK)
    }
    return redactShapes(redacted)
  }
  return Object.assign(redact, { known })
}

/** Redacts a text that comes in pieces, so that a secret over two of them is found. */
export interface PieceRedactor {
  /** What may be passed on now; the end is held back while a secret may go on in the next piece. */
  write(piece: string): string
  /** What was held back. */
  end(): string
}

/**
 * Holds back no more than a word, the start of a known secret, or a private key without its end. `current`
 * is asked at each piece.
 */
export function createPieceRedactor(current: () => Redactor): PieceRedactor {
  let held = ''
  return {
    write(piece) {
      const redact = current()
      const text = held + piece
      const end = safeEnd(text, redact.known ?? [])
      held = text.slice(end)
      return redact(text.slice(0, end))
    },
    end() {
      const rest = current()(held)
      held = ''
      return rest
    },
  }
}

/** Whether a text holds what looks like a token, a key, or a password in an address. */
export function holdsTokenShape(text: string): boolean {
  return redactShapes(text) !== text
}

/**
 * Values of variables that hold keys: those that the configuration names, and whatever is called so, unless
 * it is an ordinary word or number, whose loss would garble every text.
 */
export function secretsOf(env: Environment, keyVariables: readonly string[]): readonly string[] {
  const named = new Set(keyVariables)
  return Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined) return []
    const isSecret = named.has(name) || (SECRET_NAME.test(name) && !ORDINARY.test(value))
    return isSecret ? [value] : []
  })
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Shorter values would blank out ordinary words. */
const SHORTEST = 8
const SECRET_NAME = /(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i
const ORDINARY = /^(?:[A-Z]?[a-z]{1,15}|\d{1,15})$/

interface Shape {
  /** Looking for one of these costs next to nothing, and most texts have none. */
  readonly hints: readonly string[]
  /** A first group, where there is one, is what stays. Takes time in proportion to the text. */
  readonly pattern: RegExp
}

/** With its end or without it, also where its line ends are written as `\n`. */
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[\w+/=:,.\s]|-(?!----)|\\{1,4}[nrt]){0,16000}(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/

/**
 * Of AWS: nothing but its label tells it from other words of 40 characters. Ids and digests are in
 * hexadecimal, and paths and names have words in them.
 */
const LABELLED_SECRET =
  /((?:[Ss]ecret|SECRET|[Kk]ey|KEY)(?:["']?[ \t]{0,4}[=:][ \t]{0,4}["']?|[ \t]{1,4}))(?=[A-Za-z\d+/]{0,39}\d)(?=[A-Za-z\d+/]{0,39}[A-Z])(?=[A-Za-z\d+/]{0,39}[g-z])(?![A-Za-z\d+/]{0,33}[a-z]{7})[A-Za-z\d+/]{40}(?![\w+/=.-])/g

/** Every repetition has an end: hostile text must not fill the stack of the regular expressions. */
const SHAPES: readonly Shape[] = [
  // First: others could take its first line for theirs.
  { hints: ['PRIVATE KEY'], pattern: new RegExp(PRIVATE_KEY, 'g') },
  { hints: ['sk-'], pattern: /\bsk-[\w-]{16,400}/g },
  { hints: ['k_live_', 'k_test_'], pattern: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,400}/g },
  { hints: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], pattern: /\bgh[opsur]_[A-Za-z0-9]{20,400}/g },
  { hints: ['github_pat_'], pattern: /\bgithub_pat_\w{20,400}/g },
  { hints: ['glpat-'], pattern: /\bglpat-[\w-]{16,400}/g },
  { hints: ['npm_'], pattern: /\bnpm_[A-Za-z0-9]{36,400}/g },
  { hints: ['hf_'], pattern: /\bhf_[A-Za-z0-9]{30,400}/g },
  { hints: ['xox'], pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,400}/g },
  { hints: ['AKIA', 'ASIA'], pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { hints: ['AIza'], pattern: /\bAIza[\w-]{30,400}/g },
  {
    hints: ['.ey'],
    pattern: /(?<![\w-])ey[\w-]{10,8000}\.ey[\w-]{10,8000}\.[\w-]{10,8000}/g,
  },
  { hints: ['earer', 'EARER'], pattern: /(\bbearer\s{1,4})[\w.~+/=-]{16,8000}/gi },
  {
    hints: ['ecret', 'ECRET', 'key', 'Key', 'KEY'],
    pattern: LABELLED_SECRET,
  },
  // An ordinary word is what examples have there.
  { hints: ['://'], pattern: /(:\/\/[^\s/:@'"]{1,64}:)(?![a-z]{1,256}@)[^\s/@'"]{8,256}(?=@)/g },
]

function redactShapes(text: string): string {
  let redacted = text
  for (const { hints, pattern } of SHAPES) {
    if (!hints.some((hint) => redacted.includes(hint))) continue
    redacted = redacted.replace(pattern, (_, kept) =>
      typeof kept === 'string' ? `${kept}${MARK}` : MARK,
    )
  }
  return redacted
}

/** How much of a text no later piece can change. */
function safeEnd(text: string, known: readonly string[]): number {
  let end = text.length
  for (;;) {
    const word = startOfWord(text.slice(0, end))
    const safe = outsideOfKnown(startOfKey(text, word), text, known)
    if (safe === end) return end
    end = safe
  }
}

/** Where the last word starts, with what marks it as a token. A very long one is no token. */
function startOfWord(text: string): number {
  const start = wordBefore(text, text.length)
  if (text.length - start > LONGEST_TOKEN) return text.length
  const label = OPEN_LABEL.exec(text.slice(Math.max(0, start - 24), start))?.[0]
  return label === undefined ? start : wordBefore(text, start - label.length)
}

function wordBefore(text: string, end: number): number {
  let start = end
  while (start > 0 && !WORD_BREAK.test(text.charAt(start - 1))) start -= 1
  return start
}

const OPEN_LABEL =
  /(?:bearer\s{1,4}|(?:secret|key)(?:["']?[ \t]{0,4}[=:][ \t]{0,4}["']?|["']?[ \t]{0,4}))$/i

// oxlint-disable-next-line no-control-regex -- sequences for the terminal are no part of a word
const WORD_BREAK = /[\s'"?\]\u{1b}]/u
const LONGEST_TOKEN = 24_000

/** `end`, or where a private key starts that has begun before it and may go on behind it. */
function startOfKey(text: string, end: number): number {
  let outside = end
  let start = text.lastIndexOf(BEGIN)
  while (start !== -1 && text.length - start <= LONGEST_TOKEN) {
    if (start < outside && mayGoOn(text.slice(start), outside - start)) outside = start
    start = start === 0 ? -1 : text.lastIndexOf(BEGIN, start - 1)
  }
  return outside
}

const BEGIN = '-----BEGIN'

/** Whether the private key at the start of a text goes over this place, or may once more of it has come. */
function mayGoOn(text: string, place: number): boolean {
  const key = (PRIVATE_KEY.exec(text) ?? OPEN_HEADER.exec(text))?.[0]
  if (key === undefined) return false
  const isClosed = /-----END[A-Z0-9 ]+-----$/.test(key)
  return key.length > place || (!isClosed && OPEN_END.test(text.slice(key.length)))
}

const OPEN_HEADER = /^-----BEGIN[A-Z0-9 ]{0,60}-{0,5}$/
const OPEN_END = /^(?:-{1,5}(?:E|EN|END[A-Z0-9 ]{0,60}-{0,5})?)?$/

/** `end`, or where a known secret starts that has begun before it, and of which the rest may come. */
function outsideOfKnown(end: number, text: string, known: readonly string[]): number {
  let outside = end
  for (const form of known) {
    const start = Math.min(startOfPrefix(form, text), startAround(form, text, outside))
    if (start < outside) outside = start
  }
  // A longer one may start before the place that a shorter one led to.
  return outside === end ? end : outsideOfKnown(outside, text, known)
}

/** Where the longest beginning of the form starts that the text ends with. */
function startOfPrefix(form: string, text: string): number {
  if (text === '') return 0
  const longest = form.lastIndexOf(text.slice(-1), form.length - 2)
  for (let at = longest; at >= 0; at -= 1) {
    if (text.endsWith(form.slice(0, at + 1))) return text.length - at - 1
  }
  return text.length
}

/** Where the form starts that goes on over this place. */
function startAround(form: string, text: string, place: number): number {
  const start = text.indexOf(form, Math.max(0, place - form.length + 1))
  return start === -1 || start >= place ? text.length : start
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const base64 = bytes.toString('base64')
  const url = encodeURIComponent(secret.toWellFormed())
  const hex = bytes.toString('hex')
  return [
    secret,
    base64,
    // Whatever follows it in what was encoded, such as a line end.
    base64.slice(0, Math.floor((bytes.length * 8) / 6)),
    bytes.toString('base64url'),
    hex,
    hex.toUpperCase(),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    // As it looks where bytes are read as characters.
    bytes.toString('latin1'),
  ]
}
