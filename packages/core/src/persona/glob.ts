/**
 * Globs of permission entries: `*` within a path segment, `**` across segments, `?` for one character;
 * all else is literal. Matching takes time in proportion to text times glob: no regular expression is
 * made from a user's pattern.
 */
export function matchesPath(glob: string, path: string): boolean {
  const wanted = segmentsOf(glob)
  const actual = segmentsOf(path)
  // A bare `*.md` means the file name, wherever it is.
  if (wanted.length === 1 && wanted[0] !== '**' && !glob.startsWith('/')) {
    return matchesText(wanted[0] ?? '', actual.at(-1) ?? '')
  }
  return matchParts(wanted, actual, { any: '**', same: matchesText })
}

/** `*` matches any text, also `/` and blanks: for command lines. */
export function matchesText(glob: string, text: string): boolean {
  return matchParts(glob.split(''), text.split(''), {
    any: '*',
    same: (left, right) => left === '?' || left === right,
  })
}

interface Parts {
  /** The part that stands for any number of parts. */
  readonly any: string
  same(wanted: string, actual: string): boolean
}

/** The classic two-pointer walk: on a mismatch, the last wildcard takes one part more. */
function matchParts(wanted: readonly string[], actual: readonly string[], parts: Parts): boolean {
  let position = 0
  let wildcard = -1
  let taken = 0
  for (let index = 0; index < actual.length;) {
    const part = wanted[position]
    if (part === parts.any) {
      wildcard = position
      taken = index
      position += 1
    } else if (part !== undefined && parts.same(part, actual[index] ?? '')) {
      position += 1
      index += 1
    } else if (wildcard === -1) {
      return false
    } else {
      taken += 1
      position = wildcard + 1
      index = taken
    }
  }
  return wanted.slice(position).every((part) => part === parts.any)
}

function segmentsOf(path: string): string[] {
  const segments: string[] = []
  const isAbsolute = path.startsWith('/')
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..' && (isAbsolute || segments.length > 0)) segments.pop()
    else segments.push(segment)
  }
  return isAbsolute ? ['/', ...segments] : segments
}
