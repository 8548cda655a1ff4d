import type { Snapshot, SnapshotFile } from '@wave/core'
import type { Citation, EndpointMatch, NameMatch } from '../findings.ts'
import { LIMITS, mapBounded } from '../limits.ts'
import type { EndpointSignal, Signals } from '../signals/signals.ts'
import { kindOf } from './path-kind.ts'
import { textOf } from './source-text.ts'
import { TextIndex } from './text-index.ts'

const MAX_ENDPOINTS = 5
const MAX_NAMES = 12
const HITS_PER_FILE = 3
const CITATIONS_PER_NEEDLE = 8
const KIND_ORDER = ['source', 'config', 'other', 'test', 'dependencies', 'docs', 'generated']

/** What one pass over the files of a snapshot finds. */
export interface Scan {
  readonly index: TextIndex
  readonly scannedFiles: number
  readonly endpoints: readonly EndpointMatch[]
  readonly names: readonly NameMatch[]
}

/** Reads each text file once: indexes it and looks for endpoints and names literally. */
export async function scanFiles(
  snapshot: Snapshot,
  signals: Signals,
  wanted: ReadonlySet<string>,
): Promise<Scan> {
  const index = await TextIndex.create(['path', 'content'], wanted)
  const needles = needlesOf(signals)
  const hits = new Map<string, Citation[]>()
  let scannedFiles = 0
  await mapBounded(filesToScan(snapshot.files), async ({ path }) => {
    const text = await textOf(snapshot, path)
    if (text === undefined) return
    scannedFiles += 1
    index.add(path, { path, content: text })
    for (const needle of needles) collectHits(hits, needle, { path, text })
  })
  return {
    index,
    scannedFiles,
    endpoints: signals.endpoints.slice(0, MAX_ENDPOINTS).flatMap((endpoint) => {
      const literal = literalsOf(endpoint).find((candidate) => hits.has(candidate))
      return literal === undefined ? [] : [{ endpoint, literal, citations: best(hits, literal) }]
    }),
    names: namesOf(signals).flatMap((name) => {
      return hits.has(name) ? [{ name, citations: best(hits, name) }] : []
    }),
  }
}

/** Small files first, so that one huge repository still shows most of its files. */
function filesToScan(files: readonly SnapshotFile[]): SnapshotFile[] {
  const candidates = files
    .filter((file) => file.mode !== '120000' && file.sizeBytes <= LIMITS.scannedFileBytes)
    .filter((file) => kindOf(file.path) !== 'generated')
    .toSorted((a, b) => a.sizeBytes - b.sizeBytes || (a.path < b.path ? -1 : 1))
    .slice(0, LIMITS.scannedFiles)
  let bytes = 0
  return candidates.filter((file) => (bytes += file.sizeBytes) <= LIMITS.scannedBytes)
}

function needlesOf(signals: Signals): string[] {
  const endpoints = signals.endpoints.slice(0, MAX_ENDPOINTS)
  return [...new Set([...endpoints.flatMap(literalsOf), ...namesOf(signals)])]
}

function namesOf(signals: Signals): string[] {
  const names = [
    ...signals.names.map((signal) => signal.name.replace(/\(\)$/, '')),
    ...signals.frames.flatMap((frame) => frame.symbol ?? []),
  ]
  return [...new Set(names)].filter((name) => name.length > 3).slice(0, MAX_NAMES)
}

/** `/api/orders/1042` is looked for as `/api/orders`, then as `/orders`. */
function literalsOf(endpoint: EndpointSignal): string[] {
  const segments = endpoint.path.split('/').filter((segment) => segment !== '')
  const firstId = segments.findIndex((segment) => /\d{2}|^\d|^[:{*]/.test(segment))
  const fixed = firstId > 0 ? segments.slice(0, firstId) : segments
  const last = fixed.at(-1)
  if (last === undefined || last.length < 3) return []
  return [...new Set([`/${fixed.join('/')}`, `/${last}`])]
}

function collectHits(
  hits: Map<string, Citation[]>,
  needle: string,
  file: { readonly path: string; readonly text: string },
): void {
  let at = file.text.indexOf(needle)
  for (let count = 0; at >= 0 && count < HITS_PER_FILE; count += 1) {
    const start = file.text.lastIndexOf('\n', at) + 1
    const end = file.text.indexOf('\n', at)
    const quote = file.text.slice(start, end < 0 ? undefined : end).trim()
    const line = countLines(file.text, start)
    const found = hits.get(needle)
    if (found === undefined) hits.set(needle, [{ path: file.path, line, quote }])
    else found.push({ path: file.path, line, quote })
    at = end < 0 ? -1 : file.text.indexOf(needle, end)
  }
}

function countLines(text: string, end: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

function best(hits: ReadonlyMap<string, readonly Citation[]>, needle: string): Citation[] {
  return (hits.get(needle) ?? [])
    .toSorted((a, b) => orderOf(a) - orderOf(b) || compare(a.path, b.path) || a.line - b.line)
    .slice(0, CITATIONS_PER_NEEDLE)
}

function orderOf({ path }: Citation): number {
  return KIND_ORDER.indexOf(kindOf(path))
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
