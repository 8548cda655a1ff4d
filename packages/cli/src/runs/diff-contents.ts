import { diffTexts } from '@wave/core/inspection'
import { WaveError } from '@wave/core/language'
import { type RunState, StoredBytes } from '@wave/core/runs'
import type { ArtifactRef } from '@wave/core'
import type { Paint } from '../render/colour.ts'
import { escapeName } from '../sanitise.ts'
import { decodeText } from './transcript.ts'

/** One of two runs. */
export interface DiffSide {
  /** Its folder. */
  readonly directory: string
  readonly state: RunState
}

/** An artifact or a patch that both runs have, with other content. */
interface DifferingContent {
  readonly step: string
  readonly name: string
  /** Lines of a unified diff; null: see `because`. */
  readonly lines: readonly string[] | null
  readonly because?: string
}

/** What differs in the contents of the steps that both runs have. */
export function diffContents(left: DiffSide, right: DiffSide): readonly DifferingContent[] {
  const before = contentsOf(left.state)
  const after = contentsOf(right.state)
  return [...before].flatMap(([key, one]) => {
    const other = after.get(key)
    if (other === undefined || other.ref.digest === one.ref.digest) return []
    const { step, name } = one
    return [{ step, name, ...compared(readText(left, one.ref), readText(right, other.ref)) }]
  })
}

interface Named {
  readonly step: string
  readonly name: string
  readonly ref: ArtifactRef
}

function contentsOf({ steps }: RunState): ReadonlyMap<string, Named> {
  const all = steps.values().flatMap(({ id: step, artifacts, patch }): readonly Named[] => {
    const found = artifacts.map((ref): Named => ({ step, name: `artifact ${ref.name}`, ref }))
    return patch === undefined ? found : found.concat({ step, name: 'patch', ref: patch })
  })
  return new Map(all.map((named) => [JSON.stringify([named.step, named.name]), named]))
}

type Text = { readonly text: string } | { readonly because: string }

function compared(left: Text, right: Text): Pick<DifferingContent, 'lines' | 'because'> {
  if ('because' in left) return { lines: null, because: left.because }
  if ('because' in right) return { lines: null, because: right.because }
  return { lines: diffTexts(left.text, right.text) }
}

/** What is missing or was changed is told, and does not hide the others. */
function readText({ directory }: DiffSide, ref: ArtifactRef): Text {
  if (ref.sizeBytes > MAX_BYTES) return { because: 'it is too long to be compared' }
  try {
    const text = decodeText(new StoredBytes(directory).get(ref))
    return text === undefined ? { because: 'it is no text' } : { text }
  } catch (error) {
    if (error instanceof WaveError) return { because: error.message }
    throw error
  }
}

const MAX_BYTES = 2 ** 20

/** For people: of each content no more than can be read at a glance. */
export function renderContents(contents: readonly DifferingContent[], paint: Paint): string {
  const parts = contents.map(({ step, name, lines, because }) => {
    const title = `${escapeName(step)}, ${escapeName(name)}`
    if (lines === null) return `${title}: not shown, ${escapeName(because ?? '')}\n`
    const shown = lines.slice(0, MAX_LINES).map((line) => `${renderLine(line, paint)}\n`)
    const more = lines.length - shown.length
    const rest =
      more > 0 ? `(${more} more ${more === 1 ? 'line' : 'lines'}: --json has them)\n` : ''
    return `${title}\n${shown.join('')}${rest}`
  })
  return ['Contents:\n', ...parts].join('\n')
}

const MAX_LINES = 80

/** What cannot be seen is written out: two lines that look the same would be no difference. */
function renderLine(line: string, paint: Paint): string {
  const text = escapeName(line.replaceAll('\t', '  '))
  if (line.startsWith('@@')) return paint('dim', text)
  if (line.startsWith('+')) return paint('green', text)
  return line.startsWith('-') ? paint('red', text) : text
}
