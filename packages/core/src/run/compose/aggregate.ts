import { canonicalJson } from '../../agent/request-key.ts'
import { decodeText } from '../../contract/artifact-format.ts'
import { isRecord } from '../../contract/schema-fields.ts'
import type { ArtifactType } from '../../events.ts'
import type { AggregateStep, ArtifactDeclaration, VoteStrategy } from '../../pipeline/pipeline.ts'
import { jsonText, parseJson } from '../parse-json.ts'
import { countVotes, winnerOf } from './vote.ts'
import type { Count } from './vote.ts'

/** An artifact that is to be joined, in the order of `from`. */
export interface JoinInput {
  readonly step: string
  readonly artifact: string
  readonly type: ArtifactType
  /** Undefined: it does not exist. */
  readonly content: Uint8Array | undefined
  /** The content is the result of a fan-out, which contributes the values of its completed items. */
  readonly fanOut: boolean
  /** Who made it, for the record of a vote. */
  readonly provider?: string
  readonly model?: string
}

type Joined =
  | { readonly ok: true; readonly artifacts: ReadonlyMap<string, Uint8Array> }
  | { readonly ok: false; readonly message: string }

/** Joins artifacts into one as the strategy says. What does not exist contributes nothing; to a vote, an abstention. */
export function joinArtifacts(step: AggregateStep, inputs: readonly JoinInput[]): Joined {
  const { strategy } = step
  const split = splitAll(inputs, strategy.type === 'vote')
  if (!split.ok) return split
  const { pieces } = split
  if (strategy.type === 'vote') return joinVotes(step, strategy, pieces)
  if (inputs.every(({ content }) => content === undefined)) {
    return fail(`none of ${inputs.map(nameOf).join(', ')} exists`)
  }
  const [output] = step.artifacts
  if (output === undefined) throw new Error(`Internal error: ${step.id} joins into no artifact`)
  if (strategy.type === 'concat') return deliver(output, concat(pieces))
  const values = readValues(pieces)
  if (!values.ok) return values
  if (strategy.type === 'merge_objects') return mergeObjects(output, values.values)
  const key = strategy.type === 'merge_arrays' ? strategy.key : undefined
  return deliver(output, `${jsonText(mergeArrays(values.values, key))}\n`)
}

/** One artifact, or one value of a fan-out. */
interface Piece {
  readonly name: string
  readonly type: ArtifactType
  readonly text: string | undefined
  readonly provider?: string
  readonly model?: string
}

type Split = { readonly ok: true; readonly pieces: readonly Piece[] } | Failed
type Failed = Extract<Joined, { ok: false }>

function splitAll(inputs: readonly JoinInput[], keepAbsent: boolean): Split {
  const pieces: Piece[] = []
  for (const input of inputs) {
    const split = input.fanOut ? splitFanOut(input) : splitPlain(input)
    if (!split.ok) return split
    pieces.push(...split.pieces.filter(({ text }) => keepAbsent || text !== undefined))
  }
  return { ok: true, pieces }
}

function splitPlain(input: JoinInput): Split {
  const { type, content, provider, model } = input
  const text = content === undefined ? undefined : decodeText(content)
  if (content !== undefined && text === undefined) {
    return fail(`${nameOf(input)} is not valid UTF-8 text`)
  }
  const maker = {
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
  }
  return { ok: true, pieces: [{ name: nameOf(input), type, text, ...maker }] }
}

function splitFanOut(input: JoinInput): Split {
  const { content } = input
  if (content === undefined) return { ok: true, pieces: [absent(nameOf(input))] }
  const read = parseJson(decodeText(content) ?? '')
  if (!read.ok || !Array.isArray(read.value)) {
    return fail(`${nameOf(input)} is not the result of a fan-out`)
  }
  return {
    ok: true,
    pieces: read.value.map((entry: unknown, at): Piece => {
      const name = `${nameOf(input)}[${at + 1}]`
      if (!isRecord(entry) || entry['outcome'] !== 'completed') return absent(name)
      return pieceOf(name, entry['value'])
    }),
  }
}

function pieceOf(name: string, value: unknown): Piece {
  if (value === null || value === undefined) return absent(name)
  if (typeof value === 'string') return { name, type: 'text', text: value }
  return { name, type: 'json', text: jsonText(value) }
}

function absent(name: string): Piece {
  return { name, type: 'text', text: undefined }
}

/** Texts with a blank line between them. */
function concat(pieces: readonly Piece[]): string {
  const texts = pieces.map(({ text = '' }) => withoutOuterLines(text)).filter((text) => text !== '')
  return texts.length === 0 ? '' : `${texts.join('\n\n')}\n`
}

/** The indentation of the first line stays. */
function withoutOuterLines(text: string): string {
  const end = text.trimEnd()
  const lead = end.length - end.trimStart().length
  return end.slice(end.slice(0, lead).lastIndexOf('\n') + 1)
}

interface NamedValue {
  readonly name: string
  readonly value: unknown
}

function readValues(
  pieces: readonly Piece[],
): { readonly ok: true; readonly values: readonly NamedValue[] } | Failed {
  const values: NamedValue[] = []
  for (const { name, type, text = '' } of pieces) {
    if (type !== 'json') {
      values.push({ name, value: text })
      continue
    }
    const read = parseJson(text)
    if (!read.ok) return fail(`${name} cannot be read as JSON: ${read.message}`)
    values.push({ name, value: read.value })
  }
  return { ok: true, values }
}

function mergeArrays(values: readonly NamedValue[], key: string | undefined): readonly unknown[] {
  const elements = values.flatMap(({ value }) => value)
  if (key === undefined) return elements
  const seen = new Set<string>()
  return elements.filter((element) => {
    if (!isRecord(element) || !Object.hasOwn(element, key)) return true
    const identity = canonicalJson(element[key])
    const isFirst = !seen.has(identity)
    seen.add(identity)
    return isFirst
  })
}

function mergeObjects(output: ArtifactDeclaration, values: readonly NamedValue[]): Joined {
  // A map, because an assignment to `__proto__` is none.
  const merged = new Map<string, unknown>()
  for (const { name, value } of values) {
    if (!isRecord(value)) return fail(`${name} is not a JSON object`)
    for (const [key, entry] of Object.entries(value)) {
      if (key !== '__proto__') merged.set(key, entry)
    }
  }
  return deliver(output, `${jsonText(Object.fromEntries(merged))}\n`)
}

function joinVotes(step: AggregateStep, strategy: VoteStrategy, pieces: readonly Piece[]): Joined {
  const ballots = pieces.map(({ text, ...ballot }) => ({
    ...ballot,
    content: text === undefined ? undefined : Buffer.from(text),
  }))
  const count = countVotes(strategy, ballots)
  if (!count.success) return fail(describeDisagreement(strategy, count, pieces))
  const winner = ballots[winnerOf(count) ?? -1]?.content ?? new Uint8Array()
  const artifacts = step.artifacts.map(({ name, type }): [string, Uint8Array] =>
    type === 'json' ? [name, Buffer.from(`${jsonText(count)}\n`)] : [name, winner],
  )
  return { ok: true, artifacts: new Map(artifacts) }
}

/** Which votes there were, and why the others are none. */
function describeDisagreement(
  { require, allowPartial }: VoteStrategy,
  { votes, ballots }: Count,
  pieces: readonly Piece[],
): string {
  const needed = typeof require === 'string' ? require : `${require.votes}/${require.of}`
  const partial = allowPartial ? ' of the valid ballots, at least 2' : ''
  const cast = Object.entries(votes).map(([verdict, count]) => `${count} × ${verdict}`)
  const abstained = ballots
    .filter(({ reason }) => reason !== undefined)
    .map(({ index, reason }) => `${pieces[index]?.name ?? index}: ${reason ?? ''}`)
  const parts = [`no agreement (${needed}${partial}) among ${ballots.length} ballots`]
  parts.push(cast.length === 0 ? 'no votes' : cast.join(', '), ...abstained)
  return parts.join('; ')
}

function deliver({ name }: ArtifactDeclaration, text: string): Joined {
  return { ok: true, artifacts: new Map([[name, Buffer.from(text)]]) }
}

function nameOf({ step, artifact }: JoinInput): string {
  return `${step}.${artifact}`
}

function fail(message: string): Failed {
  return { ok: false, message }
}
