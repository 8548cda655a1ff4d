import { WaveError } from '@wave/core/language'
import type { Pipeline } from '@wave/core'

/** The JSON object that `--input key=value` describes. A value is text unless the schema says otherwise. */
export function pairsToJson(pairs: readonly string[], schema: Pipeline['input']['schema']): string {
  const entries = new Map<string, unknown>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) {
      throw new WaveError('usage', `--input takes key=value, not "${pair}".`, {
        hint: 'For example: --input service=orders. For text use the argument or --input-data.',
      })
    }
    const key = pair.slice(0, at)
    if (entries.has(key)) throw new WaveError('usage', `--input gives "${key}" twice.`)
    entries.set(key, typed(pair.slice(at + 1), typeOf(schema, key)))
  }
  return JSON.stringify(Object.fromEntries(entries))
}

const NOT_TEXT = new Set(['number', 'integer', 'boolean', 'array', 'object', 'null'])

/** What does not parse stays text: the schema then says what is wrong with it. */
function typed(text: string, type: unknown): unknown {
  if (typeof type !== 'string' || !NOT_TEXT.has(type)) return text
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return text
  }
}

function typeOf(schema: Pipeline['input']['schema'], key: string): unknown {
  const properties = memberOf(schema, 'properties')
  return memberOf(memberOf(properties, key), 'type')
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Object.entries(value).find(([name]) => name === key)?.[1]
}
