/** Not a string, so that no template can name it. */
const SHOWN = Symbol.for('wave: shown text')

/** The same map, which a template shows as this text; its fields can be named as usual. */
export function showAs(
  value: Readonly<Record<string, unknown>>,
  text: string,
): Readonly<Record<string, unknown>> {
  return Object.defineProperty({ ...value }, SHOWN, { value: text })
}

/** The text of a value that `showAs` made. */
export function shownText(value: object): string | undefined {
  if (!Object.hasOwn(value, SHOWN)) return undefined
  const text: unknown = Reflect.get(value, SHOWN)
  return typeof text === 'string' ? text : undefined
}
