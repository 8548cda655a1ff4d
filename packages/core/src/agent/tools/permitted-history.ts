/**
 * What git printed, without the diffs and the lines of statistics of files that may not be read. What
 * cannot be told apart from such a file goes too.
 */
export function permittedHistory(text: string, permits: (path: string) => boolean): string {
  const isPermitted = (names: readonly string[] | undefined): boolean =>
    names?.every(permits) === true
  // With a line before it, a text that begins with a diff has a head as well.
  const [head = '', ...diffs] = `\n${text}`.split(/^(?=diff --)/mu)
  const lines = head.split('\n').filter((line) => {
    const name = STATISTICS.exec(line)?.[1]
    return name === undefined || isPermitted(exactName(name))
  })
  const shown = diffs.filter((diff) => isPermitted(namesOf(diff)))
  return [lines.join('\n').slice(1), ...shown].join('')
}

/** ` src/orders.ts | 3 +-`; the lines of a message are indented further. */
const STATISTICS = /^ (?! )(.+?) +\| +(?:\d+|Bin)(?: |$)/u

/** Undefined: shortened by git, or a rename written in one. */
function exactName(shown: string): readonly string[] | undefined {
  const isWhole = !shown.startsWith('...') && !shown.includes(' => ')
  return isWhole ? [unquote(shown)] : undefined
}

/** Both names of a file that was renamed. Undefined: none can be read. */
function namesOf(diff: string): readonly string[] | undefined {
  const [first = '', ...lines] = (diff.split(/^@@/mu, 1)[0] ?? '').split('\n')
  const names = lines.flatMap((line) => {
    const [, sided, plain] = NAMED.exec(line) ?? []
    if (plain !== undefined) return [unquote(plain)]
    return sided === undefined || sided === '/dev/null' ? [] : [withoutSide(sided)]
  })
  return names.length > 0 ? names : twiceNamed(first.slice('diff --git '.length))
}

const NAMED = /^(?:(?:---|\+\+\+) (.+?)\t?|(?:rename|copy) (?:from|to) (.+))$/u

/** Without content there is only `a/name b/name`; the two are as long as each other. */
function twiceNamed(pair: string): readonly string[] | undefined {
  const half = (pair.length - 1) / 2
  const [left, right] = [pair.slice(0, half), pair.slice(half + 1)].map(withoutSide)
  return left !== undefined && left === right ? [left] : undefined
}

/** Without `a/` or `b/`. */
function withoutSide(sided: string): string {
  return unquote(sided).slice(2)
}

/** Git writes names with odd bytes as C strings. */
function unquote(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name
  const bytes = name
    .slice(1, -1)
    .replaceAll(/\\([0-7]{3}|.)/gu, (_, code: string) =>
      code.length === 3
        ? String.fromCharCode(Number.parseInt(code, 8))
        : (CONTROLS.get(code) ?? code),
    )
  return Buffer.from(bytes, 'latin1').toString()
}

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['a', '\u{7}'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])
