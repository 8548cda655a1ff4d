import { widthOf } from './columns.ts'

/** What lines look like. */
export interface Glyphs {
  /** By what a cell is joined to: 1 up, 2 right, 4 down, 8 left, added up. */
  readonly joints: string
  readonly dashedAcross: string
  readonly dashedDown: string
  readonly arrow: string
  /** For what is cut off. */
  readonly more: string
  readonly isAscii: boolean
}

export const UNICODE: Glyphs = {
  joints: ' ╵╶└╷│┌├╴┘─┴┐┤┬┼',
  dashedAcross: '┄',
  dashedDown: '┆',
  arrow: '▼',
  more: '…',
  isAscii: false,
}

export const ASCII: Glyphs = {
  joints: ' |-+||++-+-+++++',
  dashedAcross: '.',
  dashedDown: ':',
  arrow: 'v',
  more: '...',
  isAscii: true,
}

const UP = 1
const RIGHT = 2
const DOWN = 4
const LEFT = 8

interface Stroke {
  /** Strokes of one net are joined where they meet; those of others cross. */
  readonly net: string
  readonly dashed: boolean
  joined: number
}

interface Point {
  readonly x: number
  readonly y: number
}

/** A sheet of character cells. */
export class Canvas {
  readonly #glyphs: Glyphs
  readonly #strokes = new Map<number, Map<number, Stroke[]>>()
  readonly #texts = new Map<number, Map<number, string>>()
  #height = 0

  constructor(glyphs: Glyphs) {
    this.#glyphs = glyphs
  }

  /** A straight line, its ends included. */
  line(from: Point, to: Point, pen: { readonly net: string; readonly dashed: boolean }): void {
    const across = from.y === to.y
    const [start, end] = across
      ? [Math.min(from.x, to.x), Math.max(from.x, to.x)]
      : [Math.min(from.y, to.y), Math.max(from.y, to.y)]
    for (let at = start; at < end; at += 1) {
      if (across) {
        this.#join({ x: at, y: from.y }, pen, RIGHT)
        this.#join({ x: at + 1, y: from.y }, pen, LEFT)
      } else {
        this.#join({ x: from.x, y: at }, pen, DOWN)
        this.#join({ x: from.x, y: at + 1 }, pen, UP)
      }
    }
  }

  box(corner: Point, size: { readonly width: number; readonly height: number }, pen: Pen): void {
    const right = corner.x + size.width - 1
    const bottom = corner.y + size.height - 1
    this.line(corner, { x: right, y: corner.y }, pen)
    this.line({ x: corner.x, y: bottom }, { x: right, y: bottom }, pen)
    this.line(corner, { x: corner.x, y: bottom }, pen)
    this.line({ x: right, y: corner.y }, { x: right, y: bottom }, pen)
  }

  text({ x, y }: Point, text: string): void {
    let column = x
    for (const character of text) {
      const row = rowOf(this.#texts, y)
      const width = widthOf(character)
      if (width === 0) row.set(column - 1, (row.get(column - 1) ?? '') + character)
      else row.set(column, character)
      // The second half of a wide character.
      if (width === 2) row.set(column + 1, '')
      column += width
    }
    this.#height = Math.max(this.#height, y + 1)
  }

  arrow(point: Point): void {
    this.text(point, this.#glyphs.arrow)
  }

  toString(): string {
    return Array.from({ length: this.#height }, (_, y) => `${this.#row(y).trimEnd()}\n`).join('')
  }

  #join({ x, y }: Point, { net, dashed }: Pen, direction: number): void {
    const row = rowOf(this.#strokes, y)
    const strokes = row.get(x) ?? []
    const own = strokes.find((stroke) => stroke.net === net)
    if (own === undefined) row.set(x, [...strokes, { net, dashed, joined: direction }])
    else own.joined |= direction
    this.#height = Math.max(this.#height, y + 1)
  }

  #row(y: number): string {
    const texts = this.#texts.get(y)
    const strokes = this.#strokes.get(y)
    const width = Math.max(-1, ...(texts?.keys() ?? []), ...(strokes?.keys() ?? [])) + 1
    return Array.from(
      { length: width },
      (_, x) => texts?.get(x) ?? this.#stroke(strokes?.get(x)),
    ).join('')
  }

  #stroke(strokes: readonly Stroke[] = []): string {
    const [first] = strokes
    if (first === undefined) return ' '
    const passing = strokes.find(({ joined }) => joined === (UP | DOWN))
    const crossed = strokes.some(({ joined }) => joined === (LEFT | RIGHT))
    // Lines of different nets only pass: the one across is broken.
    const seen = strokes.length > 1 && passing !== undefined && crossed ? [passing] : strokes
    const joined = seen.reduce((all, stroke) => all | stroke.joined, 0)
    if (seen.every(({ dashed }) => dashed)) {
      if (joined === (LEFT | RIGHT)) return this.#glyphs.dashedAcross
      if (joined === (UP | DOWN)) return this.#glyphs.dashedDown
    }
    return this.#glyphs.joints[joined] ?? ' '
  }
}

interface Pen {
  readonly net: string
  readonly dashed: boolean
}

function rowOf<T>(rows: Map<number, Map<number, T>>, y: number): Map<number, T> {
  const row = rows.get(y) ?? new Map<number, T>()
  rows.set(y, row)
  return row
}
