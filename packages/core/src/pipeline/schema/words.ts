/** Names of pipelines, personas, steps, artifacts and aliases. */
export const NAME_PATTERN = '^(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$)[a-z0-9][a-z0-9_-]{0,63}$'

export const NAME = {
  type: 'string',
  title: 'a name of lower-case letters, digits, "-" and "_" (at most 64, no device name)',
  pattern: NAME_PATTERN,
} as const

export const DURATION = {
  type: 'string',
  title: 'a duration such as "90s", "5m" or "1h30m"',
  pattern: '^(?=.)(\\d{1,6}h)?(\\d{1,6}m)?(\\d{1,6}s)?(\\d{1,9}ms)?$',
} as const

/** A branch, tag or commit, with `~2` and the like; no range, reflog, search or option. */
export const GIT_REF = {
  type: 'string',
  title: 'a git ref such as "main", "v1.2" or "HEAD~1"',
  pattern: '^(?!-)(?!.*\\.\\.)[^\\p{C} ~^:?*[\\]\\\\{}]{1,200}(?:[~^][0-9]{0,4}){0,20}$',
} as const

/** A pipeline, by its name: `rollback`, or `ops/rollback` in a sub-folder. */
export const CALLED = {
  type: 'string',
  title: 'the name of a pipeline',
  pattern: '^[a-z0-9][a-z0-9_-]{0,63}(?:/[a-z0-9][a-z0-9_-]{0,63}){0,7}$',
} as const

export const EXPRESSION = { type: 'string', minLength: 1, maxLength: 4096 } as const

export const MESSAGE = {
  type: 'string',
  title: 'one printable line without a template',
  pattern: '^(?!.*\\{[{%])[^\\p{C}\\u2028\\u2029]+$',
  maxLength: 40,
  description: 'Text of the `completed` line.',
} as const

export const EFFORT = {
  type: 'string',
  enum: ['low', 'medium', 'high', 'max'],
  description: 'Thinking effort, where the model takes one.',
} as const

/** Milliseconds of `1h30m`, `90s`, `500ms`. The text has the shape of DURATION. */
export function parseDuration(text: string): number {
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h)/gu)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0)
  }
  return totalMs
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
