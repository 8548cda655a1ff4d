import type { RunEvent } from '../events.ts'

/** A content that an event names. */
export interface NamedContent {
  readonly digest: string
  /** Undefined: the event holds the digest only. */
  readonly sizeBytes: number | undefined
  /** Where it is named first: `record 14 (model-response of triage)`. */
  readonly where: string
}

/** All that the store of the run has to hold, each content once. What lies in `frozen/` is not in it. */
export function namedContents(events: readonly RunEvent[]): readonly NamedContent[] {
  const found = new Map<string, NamedContent>()
  for (const event of events) {
    for (const ref of refsOf(event)) {
      const before = found.get(ref.digest)
      const where = before?.where ?? placeOf(event)
      found.set(ref.digest, { ...ref, sizeBytes: ref.sizeBytes ?? before?.sizeBytes, where })
    }
  }
  return [...found.values()]
}

type Ref = Pick<NamedContent, 'digest' | 'sizeBytes'>

function refsOf(event: RunEvent): readonly Ref[] {
  if (event.type === 'run-started') {
    const { input, facts } = event
    return facts === undefined ? [input] : [input, facts]
  }
  if (event.type === 'step-started') {
    return event.inputs.map(({ digest }) => ({ digest, sizeBytes: undefined }))
  }
  return refsIn(event)
}

/** Whatever holds a digest and a size, however deep. */
function refsIn(value: unknown): readonly Ref[] {
  if (typeof value !== 'object' || value === null) return []
  const parts: readonly unknown[] = Object.values(value)
  const below = parts.flatMap(refsIn)
  if (!('digest' in value) || !('sizeBytes' in value)) return below
  const { digest, sizeBytes } = value
  if (typeof digest !== 'string' || typeof sizeBytes !== 'number') return below
  return [{ digest, sizeBytes }, ...below]
}

function placeOf(event: RunEvent): string {
  const step = 'step' in event ? ` of ${event.step}` : ''
  return `record ${event.seq} (${event.type}${step})`
}
