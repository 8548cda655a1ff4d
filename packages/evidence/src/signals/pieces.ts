import { LIMITS } from '../limits.ts'
import type { Origin, Piece } from './signals.ts'

const TOKEN = /[^\s"'`<>()[\]{},;|=]+/g

/** Before a frame of a trace whose line ends were lost, as alerts and command lines do. */
const FLATTENED =
  /\s(?=at (?:async )?(?:[^\s()]{1,200} ?\()?[^\s():]{0,20}:?[^\s():]{1,300}\.[A-Za-z]{1,6}:\d|File "[^"]{1,300}", line \d)/g

/**
 * The text as lines of bounded length, so that no pattern ever meets a megabyte at once. Frames of a
 * flattened trace become lines of their own.
 */
export function splitPieces(text: string): Piece[] {
  const pieces: Piece[] = []
  let offset = 0
  let line = 0
  for (const raw of text.slice(0, LIMITS.inputChars).split('\n')) {
    line += 1
    for (let at = 0; at < raw.length; at += LIMITS.pieceChars) {
      const piece = { line, offset: offset + at, text: raw.slice(at, at + LIMITS.pieceChars) }
      pieces.push(...unflatten(piece))
    }
    offset += raw.length + 1
  }
  return pieces
}

function unflatten(piece: Piece): Piece[] {
  let at = 0
  return piece.text.split(FLATTENED).map((text) => {
    const part = { line: piece.line, offset: piece.offset + at, text }
    at += text.length + 1
    return part
  })
}

/** Words between blanks, quotes and brackets, with their place in the piece. */
export function tokensOf(piece: Piece): { readonly text: string; readonly at: number }[] {
  return Array.from(piece.text.matchAll(TOKEN), (match) => ({ text: match[0], at: match.index }))
}

/** The place of a match, quoting the line around it. */
export function originAt(piece: Piece, at: number): Origin {
  const from =
    piece.text.length <= 200 ? 0 : Math.max(0, Math.min(at - 80, piece.text.length - 200))
  return {
    line: piece.line,
    offset: piece.offset + at,
    quote: piece.text.slice(from, from + 200).trim(),
  }
}
