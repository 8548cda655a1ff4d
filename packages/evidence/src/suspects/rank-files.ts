import type { Snapshot } from '@wave/core'
import type { FileSuspect, MappedFrame, Reason } from '../findings.ts'
import { LIMITS } from '../limits.ts'
import type { Signals } from '../signals/signals.ts'
import { importsOf } from './imports.ts'
import type { PathFinder } from './map-frames.ts'
import { kindOf } from './path-kind.ts'
import type { PathKind } from './path-kind.ts'
import type { Scan } from './scan.ts'
import { textOf } from './source-text.ts'
import type { Terms } from './terms.ts'

/** Failures rarely start in tests and documents, and never in generated files. */
const KIND_WEIGHT: Readonly<Record<PathKind, number>> = {
  source: 1,
  config: 0.8,
  dependencies: 0.7,
  other: 0.6,
  test: 0.4,
  docs: 0.15,
  generated: 0.05,
}
const FRAME = 2
const MENTION = 1.5
const TEXT = 1
const ENDPOINT = 0.8
const CODE = 0.5
const IMPORT = 0.5
const NAME = 0.3

export interface FileEvidence {
  readonly snapshot: Snapshot
  readonly signals: Signals
  readonly finder: PathFinder
  readonly frames: readonly MappedFrame[]
  readonly scan: Scan
  readonly symptom: Terms
  readonly code: Terms
}

/** Every file with evidence against it, the most suspicious first. Suggests, never concludes. */
export async function rankFiles(evidence: FileEvidence): Promise<FileSuspect[]> {
  const tally = new Tally()
  addFrames(tally, evidence.frames)
  addMentions(tally, evidence)
  addMatches(tally, evidence.scan)
  addText(tally, evidence)
  await addImports(tally, evidence)
  return tally.ranked()
}

class Tally {
  readonly #files = new Map<string, { score: number; reasons: Reason[] }>()

  add(path: string, points: number, reason?: Reason): void {
    const entry = this.#files.get(path) ?? { score: 0, reasons: [] }
    entry.score += points
    if (reason !== undefined) entry.reasons.push(reason)
    this.#files.set(path, entry)
  }

  ranked(): FileSuspect[] {
    return [...this.#files]
      .map(([path, { score, reasons }]) => {
        const kind = kindOf(path)
        return { path, kind, score: round(score * KIND_WEIGHT[kind]), reasons }
      })
      .toSorted((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1))
  }
}

/** Equal inputs must give equal orders on every machine. */
function round(score: number): number {
  return Math.round(score * 1e6) / 1e6
}

function addFrames(tally: Tally, frames: readonly MappedFrame[]): void {
  const seen = new Set<string>()
  for (const { path, line, citation, frame, rank } of frames.toSorted((a, b) => a.rank - b.rank)) {
    const place = `${path}:${line}`
    const where =
      frame.depth === 0 ? 'stack frame that threw' : `stack frame at depth ${frame.depth}`
    const reason = {
      text: frame.causedBy ? `${where}, of a stated cause` : where,
      about: [],
      citations: citation === undefined ? [] : [citation],
    }
    // More frames in one file are more evidence, but not twice as much.
    tally.add(
      path,
      (seen.has(path) ? 0.2 : FRAME) / (1 + 0.35 * rank),
      seen.has(place) ? undefined : reason,
    )
    seen.add(path).add(place)
  }
}

function addMentions(tally: Tally, { signals, finder }: FileEvidence): void {
  for (const mention of signals.mentions) {
    const path = finder.find(mention.path)
    // Frames name files too; they are counted as frames.
    if (path === undefined || signals.frames.some((frame) => frame.line === mention.line)) continue
    tally.add(path, MENTION, {
      text: `named in line ${mention.line} of the symptom`,
      about: [],
      citations: [],
    })
  }
}

function addMatches(tally: Tally, scan: Scan): void {
  const kinds = [
    ...scan.endpoints.map(({ literal, citations }) => ({
      literal,
      citations,
      points: ENDPOINT,
      what: 'endpoint',
    })),
    ...scan.names.map(({ name, citations }) => ({
      literal: name,
      citations,
      points: NAME,
      what: 'name',
    })),
  ]
  for (const { literal, citations, points, what } of kinds) {
    const paths = [...new Set(citations.map((citation) => citation.path))]
    for (const path of paths) {
      const own = citations.filter((citation) => citation.path === path)
      // A name that stands in many files says little about each of them.
      tally.add(path, points / Math.sqrt(paths.length), {
        text: `contains the ${what}`,
        about: [literal],
        citations: own,
      })
    }
  }
}

function addText(tally: Tally, { scan, symptom, code }: FileEvidence): void {
  for (const [path, score] of scan.index.search(symptom, { path: 2, content: 1 })) {
    const reason = { text: 'shares words with the symptom', about: [], citations: [] }
    tally.add(path, TEXT * score, score > 0.5 ? reason : undefined)
  }
  for (const [path, score] of scan.index.search(code, { content: 1 })) {
    const reason = { text: 'shares names with the failing lines', about: [], citations: [] }
    tally.add(path, CODE * score, score > 0.5 ? reason : undefined)
  }
}

/** What the failing files import may have given them the wrong value. */
async function addImports(tally: Tally, evidence: FileEvidence): Promise<void> {
  const paths = new Set(evidence.snapshot.files.map((file) => file.path))
  const framed = evidence.frames.map((frame) => ({ path: frame.path, depth: frame.rank }))
  const routed = evidence.scan.endpoints.flatMap((match) => match.citations)
  const origins = [...framed, ...routed.map(({ path }) => ({ path, depth: 1 }))]
  const seen = new Set<string>()
  for (const { path, depth } of origins.slice(0, LIMITS.suspectFiles)) {
    if (seen.has(path) || kindOf(path) !== 'source') continue
    seen.add(path)
    const text = (await textOf(evidence.snapshot, path)) ?? ''
    for (const imported of importsOf(path, text, paths, evidence.finder)) {
      tally.add(imported, IMPORT / (1 + 0.35 * depth), {
        text: 'imported by a file of the trace or route',
        about: [path],
        citations: [],
      })
    }
  }
}
