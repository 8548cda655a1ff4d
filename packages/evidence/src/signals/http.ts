import { LIMITS } from '../limits.ts'
import { originAt, tokensOf } from './pieces.ts'
import type { EndpointSignal, Piece, StatusSignal } from './signals.ts'

const STATUS_PATTERNS = [
  /\b(?:http(?:\/[\d.]{1,4})?|status(?:[ _-]?code)?|code|returns?|returned|returning|answers?|answered|responds?|got)[ "]{0,2}(?:with |an? )?[:=]?[ "]{0,2}([45]\d\d)\b/gi,
  /\b([45]\d\d)(?:s\b|'s\b| (?:errors?|responses?|status|internal|bad|service|gateway|not found|forbidden|unauthorized|too many|on|from|for)\b)/gi,
  /\b(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s\S{1,300}\s(?:HTTP\/[\d.]{1,4}"?\s)?(?:->\s)?([45]\d\d)\b/g,
  /\b([45]xx)\b/gi,
]

/** Links of an alert to what watches the service, not to the service. */
const WATCHING =
  /^(?:generator|external|silence|dashboard|panel|image|runbook|graph|permalink)(?: ur[li])?: https?:/i

const METHOD = /\b(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$/
const ROUTE = /^\/[\w\-.~%:@*$+!]+(?:\/[\w\-.~%:@*$+!]+)*\/?$/
const SYSTEM_ROOT =
  /^\/(?:usr|var|etc|home|tmp|opt|proc|dev|root|lib|bin|sbin|mnt|app|srv|go|node_modules)(?:\/|$)/
const FILE_NAME = /\.[A-Za-z]{1,5}(?::\d+)*$/

/** HTTP statuses from 400 up that the text names as such, each once. */
export function readStatuses(pieces: readonly Piece[]): StatusSignal[] {
  const found = new Map<string, StatusSignal>()
  for (const piece of pieces) {
    for (const match of STATUS_PATTERNS.flatMap((pattern) =>
      Array.from(piece.text.matchAll(pattern)),
    )) {
      const status = (match[1] ?? '').toLowerCase()
      if (!found.has(status)) found.set(status, { status, ...originAt(piece, match.index) })
    }
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()]
}

/** URL paths such as `/api/orders`, each once, without host, query and ids. */
export function readEndpoints(pieces: readonly Piece[]): EndpointSignal[] {
  const found = new Map<string, EndpointSignal>()
  for (const piece of pieces) {
    if (!piece.text.includes('/') || WATCHING.test(piece.text)) continue
    for (const token of tokensOf(piece)) {
      const method = METHOD.exec(
        piece.text.slice(Math.max(0, token.at - 9), token.at).trimEnd(),
      )?.[1]
      const path = routeOf(token.text, method !== undefined)
      if (path === undefined || found.has(path)) continue
      found.set(path, { method, path, ...originAt(piece, token.at) })
    }
    if (found.size >= LIMITS.signalsPerKind) break
  }
  return [...found.values()]
}

function routeOf(token: string, certain: boolean): string | undefined {
  if (token.length > 300) return undefined
  const path = (token.replace(/^https?:\/\/[^/]{1,200}/i, '').split(/[?#]/)[0] ?? '').replace(
    /[.:!]+$/,
    '',
  )
  if (!ROUTE.test(path)) return undefined
  if (!certain && (SYSTEM_ROOT.test(path) || FILE_NAME.test(path))) return undefined
  return path.length > 1 ? path.replace(/\/$/, '') : undefined
}
