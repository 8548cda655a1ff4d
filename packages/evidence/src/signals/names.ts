import { LIMITS } from '../limits.ts'
import { originAt, tokensOf } from './pieces.ts'
import type { ErrorSignal, MentionSignal, NameSignal, Piece } from './signals.ts'

const ERROR_NAME = /^(?:[\w$]+[.:/])*[A-Z][\w$]*(?:Error|Exception|Failure|Fault|Panic)$/
const PANIC = /^\s{0,20}(panic|fatal error): (.{1,300})/
const QUOTED = /[`'"]([A-Za-z_$][\w$.]{1,80})[`'"]/g
const CODE_LIKE = /^[A-Za-z_$][\w$]*(?:[._][\w$]+|[a-z0-9][A-Z][\w$]*|\(\))/
const CALL = /([A-Za-z_$][\w$]{2,80})\(\)/g
const MENTION =
  /^((?:[A-Za-z]:)?[\w@~./\\+-]*[\w-]\.[A-Za-z]{1,10})(?::(?:line)?(\d{1,7}))?(?::\d{1,7})?[.:,]*$/
const SOURCE_EXTENSION =
  /\.(?:[cm]?[jt]sx?|py|java|kt|scala|go|rs|rb|php|cs|c|h|cc|cpp|hpp|swift|ex|exs|clj|lua|pl|sh|sql|vue|svelte|ya?ml|json|toml|ini|cfg|conf|properties|env|tf|gradle|xml|html|css|proto|graphql|md)$/i

/** Error classes with their messages, and Go panics; equal ones once. */
export function readErrors(pieces: readonly Piece[]): ErrorSignal[] {
  const found = new Map<string, ErrorSignal>()
  for (const piece of pieces) {
    const error = errorIn(piece)
    if (error === undefined) continue
    const key = `${error.name}: ${error.message}`
    if (!found.has(key)) found.set(key, error)
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()]
}

function errorIn(piece: Piece): ErrorSignal | undefined {
  const [, panic, reason] = PANIC.exec(piece.text) ?? []
  if (panic !== undefined) return { name: panic, message: reason ?? '', ...originAt(piece, 0) }
  for (const token of tokensOf(piece)) {
    const name = token.text.replace(/:+$/, '')
    if (name.length > 200 || !ERROR_NAME.test(name)) continue
    const rest = piece.text.slice(token.at + name.length, token.at + name.length + 300)
    const message = /^(?:\s?\[[^\]]{1,40}\])?:\s?(.*)/.exec(rest)?.[1] ?? ''
    return { name, message: message.trim(), ...originAt(piece, token.at) }
  }
  return undefined
}

/** Names that look like code: camelCase, snake_case, dotted, called, or quoted beside an error. */
export function readNames(pieces: readonly Piece[]): NameSignal[] {
  const found = new Map<string, NameSignal>()
  for (const piece of pieces) {
    for (const { name, at } of namesIn(piece)) {
      if (name.length < 3 || name.length > 80 || found.has(name)) continue
      found.set(name, { name, ...originAt(piece, at) })
    }
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()].slice(0, LIMITS.signalsPerKind)
}

function namesIn(piece: Piece): { name: string; at: number }[] {
  const quoted = [...piece.text.matchAll(QUOTED), ...piece.text.matchAll(CALL)].map((match) => ({
    name: match[1] ?? '',
    at: match.index,
  }))
  const words = tokensOf(piece)
    .map((token) => ({ name: token.text.replace(/[.:!?]+$/, ''), at: token.at }))
    .filter(({ name }) => name.length <= 80 && isCodeLike(name))
  return [...quoted, ...words]
}

function isCodeLike(name: string): boolean {
  if (/[/\\@]/.test(name) || ERROR_NAME.test(name) || /\.[A-Za-z]{1,5}(?::\d+)*$/.test(name))
    return false
  return CODE_LIKE.test(name) || /^E(?!RRORS?$)[A-Z]{4,}$/.test(name)
}

/** Paths of files that the text names, with a line where it gives one. */
export function readMentions(pieces: readonly Piece[]): MentionSignal[] {
  const found = new Map<string, MentionSignal>()
  for (const piece of pieces) {
    if (!piece.text.includes('.')) continue
    for (const mention of mentionsIn(piece)) {
      const key = `${mention.path}:${mention.lineNumber ?? ''}`
      if (!found.has(key)) found.set(key, mention)
    }
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()].slice(0, LIMITS.signalsPerKind)
}

function mentionsIn(piece: Piece): MentionSignal[] {
  return tokensOf(piece).flatMap((token) => {
    const [, path, line] = (token.text.length > 300 ? null : MENTION.exec(token.text)) ?? []
    if (path === undefined || !SOURCE_EXTENSION.test(path)) return []
    const lineNumber = line === undefined ? undefined : Number(line)
    return [{ path, lineNumber, ...originAt(piece, token.at) }]
  })
}
