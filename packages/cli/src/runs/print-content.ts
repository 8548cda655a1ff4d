import { basename } from 'node:path'
import { WaveError } from '@wave/core/language'
import type { Invocation, OutputMode } from '../invocation.ts'
import { escapeJson, sanitiseText } from '../sanitise.ts'
import { type ListedArtifact, nameOf } from './artifact-list.ts'
import { decodeText } from './transcript.ts'

interface Printed {
  readonly output: OutputMode
  readonly directory: string
  readonly artifact: ListedArtifact
  readonly content: Uint8Array
  /** Stands in the JSON form as well. */
  readonly more?: object
}

/** An artifact on standard output: as it is where a program reads it, without effects on a terminal. */
export function printContent({ host }: Invocation, printed: Printed): void {
  const { output, artifact, content } = printed
  const text = decodeText(content)
  if (output === 'json') host.out.write(toJson(printed, text))
  else if (text === undefined && host.out.isTerminal) throw noText(artifact)
  else if (text === undefined) host.writeBytes(content)
  else host.out.write(host.out.isTerminal ? withLineEnd(sanitiseText(text)) : text)
}

function toJson(
  { directory, artifact, content, more = {} }: Printed,
  text: string | undefined,
): string {
  const { step, name, path, type, sizeBytes, digest } = artifact
  const [encoding, encoded] =
    text === undefined ? ['base64', Buffer.from(content).toString('base64')] : ['utf8', text]
  const about = { v: 1, run: basename(directory), step, name, path, type, sizeBytes, digest }
  return `${escapeJson(JSON.stringify({ ...about, encoding, content: encoded, ...more }))}\n`
}

function withLineEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}

function noText(artifact: ListedArtifact): WaveError {
  return new WaveError('usage', `The artifact "${nameOf(artifact)}" is no text.`, {
    hint: 'Send it to a file or a program, or write all of them with --export.',
  })
}
