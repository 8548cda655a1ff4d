import { isRecord } from '../../contract/schema-fields.ts'

const MAX_VALUES = 1000

/**
 * The value at a path such as `links[0].href`. With `[*]` in it, the list of all values there. Undefined
 * when there is none. Only what the value itself holds is found.
 */
export function readPath(value: unknown, dotted: string): unknown {
  const path = parsePath(dotted)
  if (path === undefined) return undefined
  const found = follow(value, path)
  return path.some(({ kind }) => kind === 'all') ? found : found[0]
}

/** Every value at a path, at most 1,000; none when nothing is there or the path is wrong. */
export function readPaths(value: unknown, dotted: string): readonly unknown[] {
  const path = parsePath(dotted)
  return path === undefined ? [] : follow(value, path)
}

type Part =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }

/** Undefined when it is no path. */
function parsePath(dotted: string): readonly Part[] | undefined {
  const path: Part[] = []
  for (const [at, segment] of dotted.split('.').entries()) {
    const match = /^([^[\]]*)((?:\[(?:\d{1,9}|\*)\])*)$/u.exec(segment)
    const [, key = '', brackets = ''] = match ?? []
    const mayLackKey = at === 0 && brackets !== ''
    if (match === null || (key === '' && !mayLackKey)) return undefined
    if (key !== '') path.push({ kind: 'key', key })
    for (const inner of brackets.split(/[[\]]+/u).filter((one) => one !== '')) {
      path.push(inner === '*' ? { kind: 'all' } : { kind: 'index', index: Number(inner) })
    }
  }
  return path
}

function follow(value: unknown, path: readonly Part[]): readonly unknown[] {
  let found: readonly unknown[] = [value]
  for (const part of path) {
    found = found.flatMap((one) => step(one, part)).slice(0, MAX_VALUES)
  }
  return found
}

function step(value: unknown, part: Part): readonly unknown[] {
  if (part.kind === 'key') {
    return isRecord(value) && Object.hasOwn(value, part.key) ? [value[part.key]] : []
  }
  if (!Array.isArray(value)) return []
  if (part.kind === 'all') return value.slice(0, MAX_VALUES)
  return part.index < value.length ? [value[part.index]] : []
}
