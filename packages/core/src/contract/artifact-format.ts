import type { ArtifactType } from '../events.ts'

export type Format =
  | { readonly ok: true; readonly content: Uint8Array; readonly warning: string | undefined }
  | { readonly ok: false; readonly problem: string }

/** Whether bytes are what their type says. JSON in one code fence is taken out of it. */
export function checkFormat(type: ArtifactType, content: Uint8Array): Format {
  if (type === 'binary') return accept(content)
  const text = decodeText(content)
  if (text === undefined) return { ok: false, problem: 'It is not valid UTF-8 text.' }
  if (type === 'json') return checkJson(text, content)
  const nul = text.indexOf('\0')
  if (nul === -1) return accept(content)
  return { ok: false, problem: `It holds a NUL character, at character ${nul + 1}.` }
}

/** Undefined when the bytes are not UTF-8. */
export function decodeText(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Whether there is anything to read: one byte of a binary, else one character that is no blank. */
export function isBlank(type: ArtifactType, content: Uint8Array): boolean {
  if (type === 'binary') return content.byteLength === 0
  return (decodeText(content) ?? 'not text').trim() === ''
}

function checkJson(text: string, content: Uint8Array): Format {
  const problem = jsonProblem(text)
  if (problem === undefined) return accept(content)
  const inner = withoutFence(text)
  if (inner === undefined || jsonProblem(inner) !== undefined) {
    return { ok: false, problem: `It is not JSON: ${problem}.` }
  }
  const warning = 'a code fence around the JSON was removed'
  return { ok: true, content: new TextEncoder().encode(inner), warning }
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    if (error instanceof SyntaxError) return error.message
    throw error
  }
}

function withoutFence(text: string): string | undefined {
  const trimmed = text.trim()
  const firstLine = trimmed.slice(0, trimmed.indexOf('\n')).trim()
  if (!/^```[A-Za-z0-9]{0,10}$/u.test(firstLine) || !trimmed.endsWith('\n```')) return undefined
  return trimmed.slice(trimmed.indexOf('\n') + 1, -'\n```'.length)
}

function accept(content: Uint8Array): Format {
  return { ok: true, content, warning: undefined }
}
