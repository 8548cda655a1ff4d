import type { ChangedLine } from '../findings.ts'
import { kindOf } from './path-kind.ts'
import { termsOf, wordsOf } from './terms.ts'
import type { Terms } from './terms.ts'

/** Checks for absence, defaults and clean-up, in the languages whose traces are read. */
const GUARD =
  /\?\?|\|\||\?\.|\bif\b|\bunless\b|\bdefault|\bor\b|\bnull\b|\bnil\b|\bNone\b|\bundefined\b|\bOptional\b|\borElse|\bcatch\b|\bexcept\b|\bassert|\bfinally\b|\brequireNonNull\b|\.get\([^)]{1,80},/i
const COMMENT = /^\s*(?:\/\/|\/?\*|#|--)/
/** Only names of the lines nearest to the throw. */
const LEAST_WEIGHT = 0.5

/**
 * Deleted lines that checked or defaulted something that the failing lines name, where the commit put no
 * such line in their place.
 */
export function removedGuards(changes: readonly ChangedLine[], code: Terms): ChangedLine[] {
  const guards = changes.flatMap((change) => {
    const names = guardedNames(change, code)
    return names.length === 0 ? [] : [{ change, names }]
  })
  const kept = new Set(
    guards.filter(({ change }) => change.sign === '+').flatMap(({ names }) => names),
  )
  return guards
    .filter(({ change, names }) => change.sign === '-' && !names.every((name) => kept.has(name)))
    .map(({ change }) => change)
}

function guardedNames(change: ChangedLine, code: Terms): string[] {
  if (kindOf(change.path) !== 'source' || COMMENT.test(change.text)) return []
  if (!GUARD.test(change.text)) return []
  const names = new Set(wordsOf(change.text).flatMap(termsOf))
  return [...names].filter((name) => (code.get(name) ?? 0) >= LEAST_WEIGHT)
}
