import type { Alias, Document } from 'yaml'
import { loadYaml } from '../../lazy.ts'
import { keyText, offsetOf } from './yaml-nodes.ts'

interface Danger {
  readonly message: string
  readonly offset: number
}

/** Too many aliases, aliases of nothing or of themselves, keys that would reach a prototype. */
export function findUnsafe(document: Document.Parsed): Danger | undefined {
  const { visit } = loadYaml()
  let aliases = 0
  let first: Alias | undefined
  let found: Danger | undefined
  visit(document, {
    Alias(_, alias) {
      aliases += 1
      first ??= alias
      const message = complainAbout(alias, document, aliases)
      if (message === undefined) return undefined
      found = { message, offset: offsetOf(alias) }
      return visit.BREAK
    },
    Pair(_, pair) {
      if (keyText(pair) !== '__proto__') return undefined
      found = { message: 'The key "__proto__" is not allowed.', offset: offsetOf(pair.key) }
      return visit.BREAK
    },
  })
  if (found !== undefined || first === undefined) return found
  return expandsTooFar(document)
    ? { message: 'The aliases of the file expand to too much.', offset: offsetOf(first) }
    : undefined
}

export const MAX_ALIASES = 100

function complainAbout(alias: Alias, document: Document.Parsed, count: number): string | undefined {
  if (count > MAX_ALIASES) return `The file has more than ${MAX_ALIASES} aliases.`
  const target = alias.resolve(document)
  if (target === undefined) return `The alias "*${alias.source}" stands for nothing before it.`
  const [start, , end] = target.range ?? [0, 0, 0]
  const isInside = offsetOf(alias) > start && offsetOf(alias) < end
  return isInside ? `The alias "*${alias.source}" stands inside of what it names.` : undefined
}

function expandsTooFar(document: Document.Parsed): boolean {
  try {
    JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIASES }))
    return false
  } catch (error) {
    if (!(error instanceof ReferenceError || error instanceof TypeError)) throw error
    return true
  }
}
