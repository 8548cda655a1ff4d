import { LIMITS } from '../limits.ts'
import { originAt } from './pieces.ts'
import type { FrameLanguage, FrameSignal, Piece } from './signals.ts'

/** Lines that can be frames are cut here: real ones are shorter, and patterns stay fast. */
const FRAME_CHARS = 400
/** Lines without a frame that may stand between two frames of one trace. */
const MAX_GAP = 2
/** A message of several lines may stand between a header and its first frame. */
const HEADER_REACH = 20
const HEADER = /^\s{0,40}(?:Caused by:|Traceback |goroutine \d|Suppressed:)/
const CAUSED_BY = /^\s{0,40}Caused by:/

const JAVA =
  /^\s{0,40}at (?:[\w.@-]{1,100}\/){0,3}([\w$]{1,100}(?:\.[\w$]{1,100}){0,15})\.([\w$<>]{1,100})\(([\w$-]{1,100}\.(?:java|kt|scala|groovy)):(\d{1,7})\)/
const PYTHON = /^\s{0,40}File "([^"]{1,300})", line (\d{1,7})(?:, in ([\w.<>]{1,100}))?/
const GO = /^\s{1,40}(\S{1,300}\.go):(\d{1,7})(?: \+0x[0-9a-f]{1,16})?\s*$/
const GO_CALL = /^([\w./*()-]{1,200})\(/
const SCRIPT = /^\s{0,40}at\s/

interface Parsed {
  readonly language: FrameLanguage
  readonly file: string
  readonly lineNumber: number
  readonly symbol: string | undefined
}

type ParseScript = (line: string) => Parsed | undefined

/** Stack frames of JavaScript, Python, Java and Go traces; equal frames once, the first wins. */
export async function readFrames(pieces: readonly Piece[]): Promise<FrameSignal[]> {
  const candidates = pieces.flatMap((piece, index) => (mayBeFrame(piece.text) ? [index] : []))
  if (candidates.length === 0) return []
  const parseScript = await loadScriptParser()
  const seen = new Map<string, FrameSignal>()
  for (const [index, trace] of tracesOf(pieces, candidates, parseScript).entries()) {
    for (const frame of numbered(trace, index)) {
      const key = `${frame.file}:${frame.lineNumber}:${frame.symbol ?? ''}`
      if (seen.size < LIMITS.frames && !seen.has(key)) seen.set(key, frame)
    }
  }
  return [...seen.values()]
}

function mayBeFrame(text: string): boolean {
  return SCRIPT.test(text) || text.includes('File "') || text.includes('.go:')
}

type Unnumbered = Omit<FrameSignal, 'depth' | 'trace' | 'causedBy'>

interface Trace {
  readonly frames: Unnumbered[]
  readonly causedBy: boolean
}

function tracesOf(
  pieces: readonly Piece[],
  candidates: readonly number[],
  parseScript: ParseScript,
): Trace[] {
  const traces: Trace[] = []
  let last = -Infinity
  for (const index of candidates.slice(0, LIMITS.frameLines)) {
    const frame = frameAt(pieces, index, parseScript)
    if (frame === undefined) continue
    // "Caused by: …" and a new "Traceback" start a trace of their own.
    const between = pieces.slice(Math.max(0, last + 1, index - HEADER_REACH), index)
    const header = between.findLast(({ text }) => HEADER.test(text))?.text
    if (index - last - 1 > MAX_GAP || header !== undefined) {
      traces.push({ frames: [], causedBy: traces.length > 0 && CAUSED_BY.test(header ?? '') })
    }
    traces.at(-1)?.frames.push(frame)
    last = index
  }
  return traces
}

function frameAt(
  pieces: readonly Piece[],
  index: number,
  parseScript: ParseScript,
): Unnumbered | undefined {
  const piece = pieces[index]
  if (piece === undefined) return undefined
  const text = piece.text.slice(0, FRAME_CHARS)
  const parsed =
    parseJava(text) ??
    parsePython(text) ??
    parseGo(text, pieces[index - 1]?.text) ??
    parseScript(text)
  if (parsed === undefined) return undefined
  const code = parsed.language === 'python' ? codeBelow(piece, pieces[index + 1]) : undefined
  return { ...parsed, code, ...originAt(piece, 0) }
}

function parseJava(text: string): Parsed | undefined {
  const [, className, method, file, line] = JAVA.exec(text) ?? []
  if (className === undefined || file === undefined) return undefined
  const folders = className.split('.').slice(0, -1)
  return {
    language: 'java',
    file: [...folders, file].join('/'),
    lineNumber: Number(line),
    symbol: method,
  }
}

function parsePython(text: string): Parsed | undefined {
  const [, file, line, symbol] = PYTHON.exec(text) ?? []
  if (file === undefined) return undefined
  return { language: 'python', file, lineNumber: Number(line), symbol: nameOrNone(symbol?.trim()) }
}

function parseGo(text: string, above: string | undefined): Parsed | undefined {
  const [, file, line] = GO.exec(text) ?? []
  if (file === undefined) return undefined
  const call = GO_CALL.exec(above?.slice(0, FRAME_CHARS) ?? '')?.[1]
  const symbol = call?.split('.').at(-1)?.replaceAll(/[()*]/g, '')
  return { language: 'go', file, lineNumber: Number(line), symbol: nameOrNone(symbol) }
}

function nameOrNone(symbol: string | undefined): string | undefined {
  return symbol === undefined || symbol === '' || symbol.startsWith('<') ? undefined : symbol
}

/** Loaded only when a line looks like a frame. */
async function loadScriptParser(): Promise<ParseScript> {
  const { parse } = await import('stacktrace-parser')
  return (line) => {
    if (!SCRIPT.test(line)) return undefined
    const alone = line.replace(/(:\d{1,7}:\d{1,7}\)?)\s.*$/, '$1')
    const frame = parse(alone.replace(/^(\s*at) async /, '$1 '))[0]
    if (frame?.file == null || frame.lineNumber === null) return undefined
    const { file, lineNumber, methodName } = frame
    const symbol = methodName.split('.').at(-1)
    return { language: 'javascript', file, lineNumber, symbol: nameOrNone(symbol) }
  }
}

function codeBelow(frame: Piece, below: Piece | undefined): string | undefined {
  if (below === undefined || PYTHON.test(below.text)) return undefined
  if (indentOf(below.text) <= indentOf(frame.text)) return undefined
  return below.text.trim().slice(0, 200)
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length
}

/** Python prints the frame that threw last, the others print it first. */
function numbered({ frames, causedBy }: Trace, trace: number): FrameSignal[] {
  const ordered = frames[0]?.language === 'python' ? frames.toReversed() : frames
  return ordered.map((frame, depth) => Object.assign({ depth, trace, causedBy }, frame))
}
