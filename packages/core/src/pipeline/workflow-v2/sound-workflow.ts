import { isRecord } from '../../contract/schema-fields.ts'
import type { Shaped, ShapePath } from '../schema/shape.ts'
import type { WorkflowShape } from './workflow-schema.ts'

/**
 * What can be looked at further although some of the file is wrong, so that all other mistakes are told
 * as well. A key with something wrong in it is left out. Undefined: not even the steps can be told apart.
 */
export function soundWorkflow({ value, unsound }: Shaped): WorkflowShape | undefined {
  if (unsound.some(isVital) || !hasVitalKeys(value)) return undefined
  const wrong = new Set(unsound.filter((path) => !isEntry(path)).map(([key]) => key))
  const kept = Object.entries(value).flatMap(([key, part]): [string, unknown][] => {
    if (!wrong.has(key)) return [[key, part]]
    return key === 'execution' && isRecord(part) ? [[key, soundSettings(part, unsound)]] : []
  })
  const { name = 'unnamed', version = '', $schema } = value
  return {
    ...Object.fromEntries(kept),
    name,
    version,
    $schema,
    steps: soundEntries(value.steps, 'steps', unsound),
    ...(value.loops === undefined ? {} : { loops: soundEntries(value.loops, 'loops', unsound) }),
  }
}

/** Without these nothing else makes sense. */
function isVital(path: ShapePath): boolean {
  const [key, index, inner] = path
  if (key === undefined || key === '$schema') return true
  if (key !== 'steps' && key !== 'loops') return false
  return index === undefined || inner === undefined || (key === 'loops' && inner !== 'name')
}

/** Settings stand for themselves. */
function soundSettings(
  settings: Readonly<Record<string, unknown>>,
  unsound: readonly ShapePath[],
): Record<string, unknown> {
  const wrong = new Set(unsound.flatMap(([key, inner]) => (key === 'execution' ? [inner] : [])))
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !wrong.has(key)))
}

function isEntry([key]: ShapePath): boolean {
  return key === 'steps' || key === 'loops'
}

type Vital = Omit<WorkflowShape, 'name' | 'version'> & {
  readonly name?: string
  readonly version?: string | number
}

/** True of what is kept: the walk has left out what is wrong. */
function hasVitalKeys(value: unknown): value is Vital {
  return isRecord(value) && Array.isArray(value['steps'])
}

function soundEntries<T extends { readonly name?: string }>(
  entries: readonly T[],
  list: string,
  unsound: readonly ShapePath[],
): T[] {
  return entries.map((entry, index) => {
    const within = unsound.filter(([key, at]) => key === list && at === index)
    // As if it had a name, so that the rest of it is looked at.
    const copy = { ...entry, name: entry.name ?? `unnamed-${index + 1}` }
    for (const [, , key] of within) if (key !== 'name') Reflect.deleteProperty(copy, key ?? '')
    return copy
  })
}
