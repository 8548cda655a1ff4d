import { matchesPath } from '../../persona/glob.ts'

/**
 * Whether a path of the repository matches a glob of a contract: `*` within a segment, `**` across
 * segments, `?`, and `{a,b}`; without a slash it means the file's name anywhere. All else is literal.
 */
export function matchesGlob(glob: string, path: string): boolean {
  return expandBraces(glob, MAX_ALTERNATIVES).some((one) => matchesPath(one, path))
}

const MAX_ALTERNATIVES = 64

/** `a{b,c}` → `ab`, `ac`. Beyond the limit the rest stays literal. */
function expandBraces(glob: string, limit: number): readonly string[] {
  const open = /\{[^{}]*\}/u.exec(glob)
  if (open === null || limit <= 1) return [glob]
  const before = glob.slice(0, open.index)
  const after = glob.slice(open.index + open[0].length)
  const choices = open[0].slice(1, -1).split(',')
  const share = Math.max(1, Math.floor(limit / choices.length))
  return choices
    .slice(0, limit)
    .flatMap((choice) => expandBraces(`${before}${choice}${after}`, share))
}
