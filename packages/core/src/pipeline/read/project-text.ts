import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

/** The text of a file inside `.wave/` that a pipeline names. Undefined when it cannot be used. */
export function readProjectText(
  file: string,
  path: ShapePath,
  reading: Reading,
): string | undefined {
  const fail = (complaint: string): undefined => {
    reading.report(`${reading.subject(path)} ${complaint}.`, path)
    return undefined
  }
  if (!isInsideWave(file)) {
    return fail(`must be a path inside .wave/, such as ".wave/prompts/triage.md", not "${file}"`)
  }
  const bytes = reading.files.read(file)
  if (bytes === undefined) return fail(`names the file "${file}", which does not exist`)
  if (bytes.byteLength > MAX_BYTES) return fail(`names the file "${file}" of more than 64 KiB`)
  const text = decode(bytes)
  if (text === undefined || text.includes('\0'))
    return fail(`names "${file}", which is no UTF-8 text`)
  return text.trim() === '' ? fail(`names the file "${file}", which is empty`) : text
}

const MAX_BYTES = 64 * 1024

function isInsideWave(file: string): boolean {
  const [first, ...rest] = file.split('/')
  const isPlain = rest.every((part) => part !== '' && part !== '.' && part !== '..')
  return first === '.wave' && rest.length > 0 && isPlain && !/[\\\p{C}]/u.test(file)
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
