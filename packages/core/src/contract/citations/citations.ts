import type { Snapshot, SnapshotFile } from '../../snapshot.ts'
import { CitedFile } from './cited-file.ts'
import type { QuoteSearch, SearchBudget } from './cited-file.ts'
import { CitedPaths } from './citation-place.ts'
import { findCitations } from './find-citations.ts'
import type { Citation } from './find-citations.ts'

/** What became of one citation: `relocated` and `ambiguous` are true, though not of the named line. */
type Status = 'verified' | 'relocated' | 'ambiguous' | 'rejected'

interface Verdict {
  readonly citation: Citation
  readonly status: Status
  /** What there is to say about it; undefined when it is verified. */
  readonly sentence: string | undefined
}

/** What checking the citations of a document found. */
export interface CitationCheck {
  readonly problems: readonly string[]
  /** Figures, and where quotes really stand. */
  readonly notes: readonly string[]
}

/** What the citations of a document are compared with. */
export interface CitedProject {
  readonly snapshot: Snapshot
  /** How the step that wrote the document sees the files. */
  readonly mount: { readonly source: string; readonly target: string } | undefined
}

/**
 * Compares every citation with the snapshot, byte for byte except for blanks around a line: quote
 * first, line second. A quote that stands elsewhere in the file is `relocated`, or `ambiguous` when it
 * stands there several times; one that stands nowhere, a file that does not exist and a line that is
 * blank or does not exist are `rejected`, and fail the document.
 */
export async function checkCitations(
  markdown: string,
  minimum: number,
  project: CitedProject,
): Promise<CitationCheck> {
  if (Buffer.byteLength(markdown) > MAX_DOCUMENT_BYTES) {
    return failed('It is larger than 1 MiB: its citations cannot be checked.')
  }
  const paths = new CitedPaths(project.snapshot.files, project.mount)
  const citations = findCitations(markdown, (path) => paths.isPath(path), MAX_CITATIONS)
  if (citations.length > MAX_CITATIONS) {
    return failed(`It holds more than ${MAX_CITATIONS} citations: keep those that prove something.`)
  }
  const checker = new Checker(project.snapshot, paths)
  return summarise(await checker.checkAll(citations), minimum)
}

const MAX_DOCUMENT_BYTES = 2 ** 20
const MAX_CITATIONS = 2000
const MAX_FILE_BYTES = 8 * 2 ** 20
const MAX_SEARCHED = 64 * 2 ** 20

function failed(problem: string): CitationCheck {
  return { problems: [problem], notes: [] }
}

class Checker {
  readonly #snapshot: Snapshot
  readonly #paths: CitedPaths
  readonly #files: ReadonlyMap<string, SnapshotFile>
  readonly #budget: SearchBudget = { characters: MAX_SEARCHED }

  constructor(snapshot: Snapshot, paths: CitedPaths) {
    this.#snapshot = snapshot
    this.#paths = paths
    this.#files = new Map(snapshot.files.map((file) => [file.path, file]))
  }

  /** File by file, so that only one is held; the verdicts come in the order of the document. */
  async checkAll(citations: readonly Citation[]): Promise<readonly Verdict[]> {
    const groups = Map.groupBy(citations, ({ revision, path }) => `${revision ?? ''}:${path}`)
    const verdicts = new Map<Citation, Verdict>()
    for (const group of groups.values()) {
      const [first] = group
      if (first === undefined) continue
      // One after the other: together they would not fit into memory.
      // oxlint-disable-next-line no-await-in-loop
      const file = await this.#open(first)
      for (const citation of group) {
        verdicts.set(
          citation,
          typeof file === 'string' ? reject(citation, file) : this.#compare(citation, file),
        )
      }
    }
    return citations.flatMap((citation) => verdicts.get(citation) ?? [])
  }

  /** The file, or why it cannot be looked at. */
  async #open({ revision, path }: Citation): Promise<CitedFile | string> {
    const resolved = this.#paths.resolve(path)
    if (revision !== undefined) {
      const content = await this.#snapshot.history.read(revision, resolved ?? path)
      return content === undefined ? `there is no such file at ${revision}.` : readable(content)
    }
    if (resolved === undefined) {
      const near = this.#paths.suggest(path)
      return `there is no such file${near === undefined ? '.' : `; there is ${near}.`}`
    }
    if ((this.#files.get(resolved)?.sizeBytes ?? 0) > MAX_FILE_BYTES) return TOO_LARGE
    const content = await this.#snapshot.read(resolved)
    return content === undefined ? 'the file cannot be read.' : readable(content)
  }

  #compare(citation: Citation, file: CitedFile): Verdict {
    const quotes = citation.quotes.flatMap((quote) => spellings(quote))
    if (quotes.length === 0) return compareLine(citation, file)
    const results = quotes.map((quote) => file.search(quote, citation, this.#budget))
    const best = ORDER.map((kind) => results.find(({ found }) => found === kind))
    return judge(
      citation,
      file,
      best.find((result) => result !== undefined),
    )
  }
}

const TOO_LARGE = 'the file is too large to be checked.'

function readable(content: Uint8Array): CitedFile | string {
  if (content.byteLength > MAX_FILE_BYTES) return TOO_LARGE
  return content.includes(0) ? 'the file is not text.' : new CitedFile(content)
}

/** From the best to the worst. */
const ORDER: readonly QuoteSearch['found'][] = ['cited', 'once', 'several', 'unknown', 'nowhere']

/** As written, and with the escapes that stand for invisible characters read back. */
function spellings(quote: readonly string[]): readonly (readonly string[])[] {
  const filled = trimBlankLines(quote)
  if (!filled.some((line) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(line.replaceAll('…', '')))) return []
  const decoded = filled.map((line) => line.replaceAll(/\\u\{([0-9a-f]{1,6})\}/gu, unescape))
  return decoded.every((line, at) => line === filled[at]) ? [filled] : [filled, decoded]
}

function unescape(whole: string, hex: string): string {
  const code = Number.parseInt(hex, 16)
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole
}

function trimBlankLines(quote: readonly string[]): readonly string[] {
  const first = quote.findIndex(isFilled)
  return first === -1 ? [] : quote.slice(first, quote.findLastIndex(isFilled) + 1)
}

function isFilled(line: string): boolean {
  return line.trim() !== ''
}

function compareLine(citation: Citation, file: CitedFile): Verdict {
  const { from, to } = citation
  const last = to === from ? from : to
  if (from < 1 || last > file.lineCount) {
    return reject(citation, `the file has ${file.lineCount} lines.`)
  }
  const isBlank = from === to && file.line(from) === ''
  return isBlank
    ? reject(citation, `line ${from} is blank.`)
    : { citation, status: 'verified', sentence: undefined }
}

function judge(citation: Citation, file: CitedFile, result: QuoteSearch | undefined): Verdict {
  const { from } = citation
  switch (result?.found) {
    case 'cited':
      return { citation, status: 'verified', sentence: undefined }
    case 'once': {
      const sentence = `${name(citation)}: the quote stands on line ${result.line}.`
      return { citation, status: 'relocated', sentence }
    }
    case 'several': {
      const [first, second] = result.lines
      const sentence = `${name(citation)}: the quote stands several times, first on lines ${first} and ${second}, not on line ${from}.`
      return { citation, status: 'ambiguous', sentence }
    }
    case 'unknown':
      return reject(citation, 'looking for the quote takes too long; quote whole lines.')
    case 'nowhere':
    case undefined: {
      const line = file.line(from)
      const instead = line === undefined ? 'has no such line' : `reads ${show(line)} there`
      const quote = citation.quotes[0]?.find((text) => text.trim() !== '') ?? ''
      return reject(
        citation,
        `the quote ${show(quote.trim())} is nowhere in the file, which ${instead}. Copy what stands there, or drop the citation.`,
      )
    }
    default:
      return result satisfies never
  }
}

function reject(citation: Citation, because: string): Verdict {
  return { citation, status: 'rejected', sentence: `${name(citation)}: ${because}` }
}

function name({ at, written }: Citation): string {
  return `line ${at} cites ${cut(written, MAX_SHOWN)}`
}

function show(text: string): string {
  return text === '' ? '(blank)' : `"${cut(text, MAX_SHOWN)}"`
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}…`
}

const MAX_SHOWN = 120
const MAX_TOLD = 40

function summarise(verdicts: readonly Verdict[], minimum: number): CitationCheck {
  const of = (status: Status): readonly Verdict[] => verdicts.filter((one) => one.status === status)
  const rejected = of('rejected')
  const problems = told(rejected).map((text) => text.replace(/^line/u, 'Line'))
  const good = verdicts.length - rejected.length
  if (good < minimum) {
    const those = good === 1 ? 'citation holds' : 'citations hold'
    problems.push(`${good} ${those}, and at least ${minimum} must: cite \`path:line\`.`)
  }
  const counts = (['verified', 'relocated', 'ambiguous', 'rejected'] as const).flatMap((status) => {
    const count = of(status).length
    return count === 0 ? [] : [`${count} ${status}`]
  })
  const total = `${verdicts.length} citation${verdicts.length === 1 ? '' : 's'}`
  const figures = counts.length === 0 ? total : `${total}: ${counts.join(', ')}`
  return { problems, notes: [figures, ...told([...of('relocated'), ...of('ambiguous')])] }
}

function told(verdicts: readonly Verdict[]): string[] {
  const sentences = verdicts.slice(0, MAX_TOLD).flatMap(({ sentence }) => sentence ?? [])
  const more = verdicts.length - sentences.length
  return more > 0 ? [...sentences, `and ${more} more`] : sentences
}
