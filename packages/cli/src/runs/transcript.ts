import type { ArtifactRef, RunEvent } from '@wave/core'
import { WaveError } from '@wave/core/language'
import { readPrompt, readReply, StoredBytes } from '@wave/core/runs'
import type { StoredPrompt } from '@wave/core/runs'
import { sanitiseText } from '../sanitise.ts'

type Request = Extract<RunEvent, { type: 'model-request' }>

/** Shows in full what events name by digest, as far as it is text. */
export class Transcript {
  readonly #store: StoredBytes

  /** `directory` is the folder of the run. */
  constructor(directory: string) {
    this.#store = new StoredBytes(directory)
  }

  /** Indented lines, ready for a terminal; empty: the event names nothing. */
  show(event: RunEvent): string {
    if (event.type === 'model-request') return this.#prompt(event)
    if (event.type === 'model-response') return this.#reply(event.reply)
    return contentsOf(event)
      .map(([title, ref]) => indent(`${title}:`) + indent(this.#text(ref), TEXT_INDENT))
      .join('')
  }

  /** What is new in it: the rest stands at the requests before. */
  #prompt({ prompt, key }: Request): string {
    if (prompt === undefined) return indent(`prompt not kept; its digest: ${key}`)
    const stored = readPrompt(this.#store, prompt)
    if (stored === undefined) return indent('prompt: (missing or damaged)')
    const { after, system, tools, messages } = stored
    return [
      after === undefined ? '' : indent('prompt, beyond the one before:'),
      system === undefined ? '' : indent('system:') + indent(system, TEXT_INDENT),
      tools === undefined ? '' : indent(`tools: ${tools.map(({ name }) => name).join(', ')}`),
      ...messages.map((message) => this.#message(message)),
    ].join('')
  }

  #message(message: StoredPrompt['messages'][number]): string {
    if (message.role === 'assistant') return ''
    const { results, text } = message
    return [
      ...results.map((result) => indent('result:') + indent(result.text, TEXT_INDENT)),
      text === '' ? '' : indent('user:') + indent(text, TEXT_INDENT),
    ].join('')
  }

  #reply(ref: ArtifactRef): string {
    const reply = readReply(this.#store, ref)
    if (reply === undefined) return indent('reply: (missing or damaged)')
    const calls = reply.toolCalls.map(({ name }) => name)
    return [
      reply.text === '' ? '' : indent('reply:') + indent(reply.text, TEXT_INDENT),
      calls.length === 0 ? '' : indent(`calls in it: ${calls.join(', ')}`),
    ].join('')
  }

  #text(ref: ArtifactRef): string {
    try {
      const bytes = this.#store.get(ref)
      return decodeText(bytes) ?? `(${bytes.length} bytes that are no text)`
    } catch (error) {
      if (!(error instanceof WaveError)) throw error
      return `(${error.message})`
    }
  }
}

/** Undefined: it is no text. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

type Content = readonly [title: string, ref: ArtifactRef]

function contentsOf(event: RunEvent): readonly Content[] {
  if (event.type === 'run-started') {
    const { input, facts } = event
    return [['input', input], ...(facts === undefined ? [] : [['facts', facts] as const])]
  }
  if (event.type === 'tool-call') return [['input', event.input]]
  if (event.type === 'tool-result') return [['output', event.output]]
  if (event.type === 'artifact-stored') return [[event.artifact.name, event.artifact]]
  if (event.type === 'step-succeeded' && event.patch !== undefined) return [['patch', event.patch]]
  if (event.type === 'step-failed' && event.told !== undefined) {
    return [['told to the next attempt', event.told]]
  }
  return []
}

const TEXT_INDENT = '      '

function indent(text: string, by = '    '): string {
  const lines = sanitiseText(text.replace(/\n+$/u, '')).split('\n')
  return lines.map((line) => `${by}${line}`.trimEnd() + '\n').join('')
}
