import type { ArtifactRef } from '../events.ts'
import type { Contract } from '../pipeline/contracts.ts'
import type { ContractContext } from './context.ts'
import type { Finding } from './finding.ts'
import { isRecord } from './schema-fields.ts'

/**
 * `event_contains`: for each entry, an event of this attempt has that type and contains that text in
 * one of its values, or in what it refers to in the store, such as the input of a tool call.
 */
export function checkEvents(
  contract: Extract<Contract, { readonly type: 'event_contains' }>,
  context: ContractContext,
): Finding {
  const events = context.events()
  const problems = contract.events.flatMap(({ state, contains }) => {
    const same = events.filter(({ type }) => type === state)
    if (same.some((event) => holds(event, contains, context))) return []
    return same.length === 0
      ? [`No event "${state}" happened in this attempt.`]
      : [`None of the ${same.length} events "${state}" of this attempt contains "${contains}".`]
  })
  return { problems }
}

function holds(value: unknown, text: string, context: ContractContext): boolean {
  if (typeof value === 'string') return value.includes(text)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value).includes(text)
  if (Array.isArray(value)) return value.some((one) => holds(one, text, context))
  if (!isRecord(value)) return false
  if (isRef(value) && read(value, context).includes(text)) return true
  return Object.values(value).some((one) => holds(one, text, context))
}

function isRef(value: Record<string, unknown>): value is Record<string, unknown> & ArtifactRef {
  return typeof value['digest'] === 'string' && typeof value['sizeBytes'] === 'number'
}

function read({ digest, sizeBytes }: ArtifactRef, { context }: ContractContext): string {
  if (sizeBytes > MAX_READ_BYTES) return ''
  return Buffer.from(context.store.get({ digest, sizeBytes })).toString('utf8')
}

const MAX_READ_BYTES = 8 * 2 ** 20
