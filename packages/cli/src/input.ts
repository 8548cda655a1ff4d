import { openSync, closeSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Pipeline } from '@wave/core'
import { WaveError } from '@wave/core/language'
import type { Stdin } from './host.ts'
import { whyUnreadable } from './why-unreadable.ts'

/** The ways to give a pipeline its input. At most one may be used. */
export interface InputForms {
  readonly argument: string | undefined
  readonly data: string | undefined
  readonly file: string | undefined
  /** `key=value`, from which a JSON object is made. */
  readonly pairs?: readonly string[] | undefined
}

export interface InputSource {
  readonly cwd: string
  readonly stdin: Stdin
}

const MAX_INPUT_BYTES = 1024 * 1024

/** The input exactly as it was given; empty when none was. Never rewritten, never shortened. */
export async function readInput(forms: InputForms, source: InputSource): Promise<string> {
  const { argument, data, file, pairs } = forms
  const given = [argument, data, file, pairs].filter((form) => form !== undefined)
  if (given.length > 1) {
    throw new WaveError('usage', 'The input was given in two ways at once.', {
      hint: 'Use one of: the argument, --input-data, --input-file, --input.',
    })
  }
  const bytes = await bytesOf(forms, source)
  if (bytes.length > MAX_INPUT_BYTES) {
    throw new WaveError('input-too-large', 'The input is larger than 1 MiB.', {
      hint: 'Give the symptom and the lines of the log that matter.',
    })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new WaveError('usage', 'The input is not UTF-8 text.', {
      hint: 'Convert it first, for example with: iconv -f latin1 -t utf-8',
      cause,
    })
  }
}

/** Whether the input comes from a file or a pipe rather than from the command line. */
export function isFromFile({ argument, data, file }: InputForms): boolean {
  return (
    file !== undefined ||
    argument === '-' ||
    (data?.startsWith('@') && !data.startsWith('@@')) === true
  )
}

/** Refuses an empty input for a pipeline that uses one. */
export function requireInput(
  input: string,
  { name, input: wanted }: Pick<Pipeline, 'name' | 'input'>,
): void {
  if (input.trim() !== '') return
  const usual = wanted.type === 'json' ? '{"key": "value"}' : 'what is wrong, where, since when'
  const form = wanted.source === 'file' ? '--input-data @FILE' : quoted(wanted.example ?? usual)
  throw new WaveError('input-missing', `Pipeline "${name}" needs an input.`, {
    hint: `For example: wave run ${name} ${form}`,
  })
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /["$`\\!]/u.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`
}

function bytesOf(forms: InputForms, source: InputSource): Promise<Uint8Array> | Uint8Array {
  const { argument, data, file } = forms
  if (file !== undefined) return file === '-' ? readStdin(source) : readFile(file, source.cwd)
  if (argument === '-' || data === '@-') return readStdin(source)
  if (data?.startsWith('@@') === true) return Buffer.from(data.slice(1))
  if (data?.startsWith('@') === true) return readFile(data.slice(1), source.cwd)
  return Buffer.from(argument ?? data ?? '')
}

function readStdin(source: InputSource): Promise<Uint8Array> {
  return source.stdin.read(MAX_INPUT_BYTES)
}

/** Reads one byte more than is allowed, so that a device or a huge file cannot fill the memory. */
function readFile(file: string, cwd: string): Uint8Array {
  const buffer = Buffer.alloc(MAX_INPUT_BYTES + 1)
  try {
    const handle = openSync(resolve(cwd, file), 'r')
    try {
      let size = 0
      for (let read = -1; read !== 0 && size < buffer.length; size += read) {
        read = readSync(handle, buffer, size, buffer.length - size, null)
      }
      return buffer.subarray(0, size)
    } finally {
      closeSync(handle)
    }
  } catch (cause) {
    const why = whyUnreadable(cause)
    throw new WaveError('usage', `The input file "${file}" cannot be read: ${why}.`, {
      hint: 'Name a text file, from the folder you are in, or "-" for standard input.',
      cause,
    })
  }
}
