/** A map of a document, in the order in which it is written. */
export type Fields = Readonly<Record<string, unknown>>

/** The list under its key, or no key at all. */
export function unlessEmpty(key: string, list: readonly unknown[]): Fields {
  return list.length === 0 ? {} : { [key]: list }
}

/** `1h30m` for 5,400,000. */
export function durationText(ms: number): string {
  const units = [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const
  let left = Math.round(ms)
  const parts = units.map(([unit, size]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return count === 0 ? '' : `${count}${unit}`
  })
  return parts.join('') || '0s'
}

/** Without the keys whose value is undefined. */
export function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
