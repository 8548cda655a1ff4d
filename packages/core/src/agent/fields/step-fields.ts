import type { NewStepEvent } from '../../events.ts'
import type { ArtifactDeclaration, FieldSpec, PromptStep } from '../../pipeline/pipeline.ts'
import { isObject, parseToolInput } from '../json.ts'
import type { JsonValue } from '../json.ts'
import { describeFields, namedFields } from './describe-fields.ts'
import { extractFields, readWholeMessage } from './extract.ts'
import type { Extraction } from './extract.ts'
import { normaliseFields } from './normalise.ts'

/** How the fields of a result came about. */
export type FieldsStage = Extract<NewStepEvent, { type: 'fields-extracted' }>['stage']

/** An artifact whose fields are read out of what a step says, when nothing valid was submitted. */
export interface FieldsArtifact extends ArtifactDeclaration {
  readonly extract: readonly FieldSpec[]
}

/** Only the artifact that says so: any other file is never made out of a message. */
export function fieldsArtifact(step: PromptStep): FieldsArtifact | undefined {
  return step.artifacts.find(isFieldsArtifact)
}

export function isFieldsArtifact(declared: ArtifactDeclaration): declared is FieldsArtifact {
  return declared.extract !== undefined
}

/** What a step gave for its fields. */
export interface FieldsSource {
  /** Undefined: nothing was submitted. */
  readonly submitted: JsonValue | undefined
  /** A file that the step wrote. */
  readonly file: Uint8Array | undefined
  /** What the step says, as its text result. */
  readonly message: string
}

type FieldsReading =
  | { readonly ok: true; readonly content: Uint8Array; readonly stage: FieldsStage }
  | { readonly ok: false; readonly problems: readonly string[] }

/**
 * The fields as they were submitted; if they were not, those of the file; if there is no valid one, those
 * that are found in the message.
 */
export function readFields({ name, extract }: FieldsArtifact, source: FieldsSource): FieldsReading {
  const { submitted, file, message } = source
  if (submitted !== undefined) return asContent(name, readGiven(extract, submitted, message))
  const written = readGiven(extract, parseFile(file), message)
  return asContent(name, written.ok ? written : extractFields(message, extract))
}

/** Asks for the fields of a message from which they could not be read. */
export function askForFields({ extract }: FieldsArtifact, problems: readonly string[]): string {
  return [
    'The required fields cannot be read from this message:',
    ...problems.map((one) => `- ${one}`),
    namedFields(extract).length === 0
      ? 'Answer once more, with nothing but this:'
      : 'Give all of these fields once more, as one JSON object and nothing else:',
    ...describeFields(extract),
  ].join('\n')
}

type Given = Extraction | { ok: true; fields: Record<string, unknown>; stage: 'submitted' }

function readGiven(
  specs: readonly FieldSpec[],
  given: JsonValue | undefined,
  message: string,
): Given {
  if (!isObject(given)) return { ok: false, problems: ['must be a JSON object with the fields.'] }
  const named = normaliseFields(given, namedFields(specs))
  const whole = readWholeMessage(message, specs)
  if (named.ok && whole.ok) {
    return { ok: true, fields: { ...whole.fields, ...named.fields }, stage: 'submitted' }
  }
  return { ok: false, problems: [named, whole].flatMap((read) => (read.ok ? [] : read.problems)) }
}

function parseFile(file: Uint8Array | undefined): JsonValue | undefined {
  if (file === undefined) return undefined
  const read = parseToolInput(new TextDecoder().decode(file))
  return read.ok ? read.value : undefined
}

function asContent(name: string, read: Given): FieldsReading {
  if (!read.ok) return { ok: false, problems: read.problems.map((one) => `${name}: ${one}`) }
  const content = Buffer.from(`${JSON.stringify(read.fields, null, 2)}\n`)
  return { ok: true, content, stage: read.stage }
}
