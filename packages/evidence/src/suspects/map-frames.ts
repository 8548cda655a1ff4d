import type { Snapshot } from '@wave/core'
import type { MappedFrame } from '../findings.ts'
import { LIMITS } from '../limits.ts'
import type { FrameSignal } from '../signals/signals.ts'
import { linesOf } from './source-text.ts'

const FOREIGN =
  /(?:^|[/\\])(?:node_modules|site-packages|dist-packages|\.venv|vendor|\.cargo|\.m2)[/\\]|^node:|^internal\/|^<|\/lib\/python\d|\/usr\/(?:local\/)?(?:lib|go)\//

/** Lines above and below a frame that are blamed. */
const BLAME_REACH = 8

/** The paths of a snapshot, found by the end of an absolute path of some other machine. */
export class PathFinder {
  readonly #byName = new Map<string, string[]>()

  constructor(paths: readonly string[]) {
    for (const path of paths) {
      const name = path.slice(path.lastIndexOf('/') + 1)
      const same = this.#byName.get(name)
      if (same === undefined) this.#byName.set(name, [path])
      else same.push(path)
    }
  }

  /** The one path that shares the longest end with `foreign`; undefined when none or several do. */
  find(foreign: string): string | undefined {
    if (FOREIGN.test(foreign)) return undefined
    const wanted = segmentsOf(foreign)
    const candidates = this.#byName.get(wanted.at(-1) ?? '') ?? []
    const ranked = candidates
      .map((path) => ({ path, shared: sharedEnd(segmentsOf(path), wanted) }))
      .toSorted((a, b) => b.shared - a.shared)
    const [best, next] = ranked
    if (best === undefined || best.shared === next?.shared) return undefined
    return best.path
  }
}

function segmentsOf(path: string): string[] {
  return path
    .replace(/^(?:file:\/\/|webpack:\/\/\/?)/, '')
    .split(/[/\\]/)
    .filter((segment) => segment !== '' && segment !== '.')
}

function sharedEnd(path: readonly string[], wanted: readonly string[]): number {
  let shared = 0
  while (shared < path.length && path.at(-1 - shared) === wanted.at(-1 - shared)) shared += 1
  return shared
}

/** Frames of the symptom's traces that lie in the snapshot, with the line they point at. */
export async function mapFrames(
  frames: readonly FrameSignal[],
  finder: PathFinder,
  snapshot: Snapshot,
): Promise<MappedFrame[]> {
  const files = new Map<string, readonly string[]>()
  const mapped: MappedFrame[] = []
  for (const frame of frames) {
    const path = finder.find(frame.file)
    if (path === undefined) continue
    const lines = files.get(path) ?? (await linesOf(snapshot, path)) ?? []
    files.set(path, lines)
    mapped.push(locate(frame, path, lines))
  }
  const ranked = mapped.map((frame) => Object.assign(frame, { rank: rankIn(mapped, frame) }))
  return blameFrames(ranked, files, snapshot)
}

/** Frames of a trace that is stated as the cause come before those of the trace that it explains. */
function rankIn(mapped: readonly MappedFrame[], { frame }: MappedFrame): number {
  const nearer = mapped.filter(
    (other) => other.frame.trace === frame.trace && other.frame.depth < frame.depth,
  )
  return nearer.length + causesOf(mapped, frame.trace)
}

/** How many traces follow that are each the stated cause of the one before. */
function causesOf(mapped: readonly MappedFrame[], trace: number): number {
  const next = mapped.some(({ frame }) => frame.trace === trace + 1 && frame.causedBy)
  return next ? 1 + causesOf(mapped, trace + 1) : 0
}

function locate(frame: FrameSignal, path: string, lines: readonly string[]): MappedFrame {
  const at = (line: number, match: MappedFrame['match']): MappedFrame => {
    const quote = (lines[line - 1] ?? '').trim()
    const citation = match === 'no-such-line' ? undefined : { path, line, quote }
    return { frame, rank: 0, path, line, citation, match, blame: [] }
  }
  const code = frame.code
  const there = lines[frame.lineNumber - 1]?.trim()
  const moved =
    code === undefined || code === there ? -1 : lines.findIndex((line) => line.trim() === code)
  if (moved >= 0) return at(moved + 1, 'moved')
  if (there === undefined) return at(frame.lineNumber, 'no-such-line')
  if (code === undefined) return at(frame.lineNumber, 'unchecked')
  return at(frame.lineNumber, code === there ? 'same' : 'differs')
}

/** Blame of the lines around the frames nearest to the throw. */
async function blameFrames(
  mapped: readonly MappedFrame[],
  files: ReadonlyMap<string, readonly string[]>,
  snapshot: Snapshot,
): Promise<MappedFrame[]> {
  if (snapshot.head === undefined) return [...mapped]
  const nearest = new Set(
    [...mapped.entries()]
      .filter(([, frame]) => frame.citation !== undefined)
      .toSorted(([, a], [, b]) => a.rank - b.rank)
      .slice(0, LIMITS.blamedFrames)
      .map(([index]) => index),
  )
  const blames = await Promise.all(
    mapped.map(async ({ path, line }, index) => {
      if (!nearest.has(index)) return []
      const last = files.get(path)?.length ?? line
      const from = Math.max(1, line - BLAME_REACH)
      return snapshot.history.blame(path, from, Math.min(last, line + BLAME_REACH))
    }),
  )
  return mapped.map((frame, index) => Object.assign(frame, { blame: blames[index] ?? [] }))
}
