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
 * Deleted lines of blocks that checked or defaulted something that the failing lines name, where the
 * commit put no such check in their place.
 */
export function removedGuards(changes: readonly ChangedLine[], code: Terms): ChangedLine[] {
  const blocks = blocksOf(changes.filter((change) => kindOf(change.path) === 'source')).flatMap(
    (lines) => {
      const names = guardedNames(lines, code)
      return names.length === 0 ? [] : [{ lines, names }]
    },
  )
  const kept = new Set(
    blocks.filter(({ lines }) => lines[0]?.sign === '+').flatMap(({ names }) => names),
  )
  return blocks
    .filter(({ lines, names }) => lines[0]?.sign === '-' && !names.every((name) => kept.has(name)))
    .flatMap(({ lines }) => lines.filter((line) => GUARD.test(line.text)))
}

/** Neighbouring lines that were all added or all deleted. */
function blocksOf(changes: readonly ChangedLine[]): ChangedLine[][] {
  const blocks: ChangedLine[][] = []
  for (const change of changes) {
    if (COMMENT.test(change.text)) continue
    const last = blocks.at(-1)?.at(-1)
    const joins =
      last?.path === change.path && last.sign === change.sign && change.line - last.line <= 2
    if (joins) blocks.at(-1)?.push(change)
    else blocks.push([change])
  }
  return blocks
}

function guardedNames(lines: readonly ChangedLine[], code: Terms): string[] {
  if (!lines.some((line) => GUARD.test(line.text))) return []
  const names = new Set(lines.flatMap((line) => wordsOf(line.text)).flatMap(termsOf))
  return [...names].filter((name) => (code.get(name) ?? 0) >= LEAST_WEIGHT)
}
