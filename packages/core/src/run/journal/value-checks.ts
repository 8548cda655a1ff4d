/** Whether a value that was read is of a form; each says so of one part of it. */
export type Check = (value: unknown) => boolean

export function shape(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields)
  return (value) => isRecord(value) && checks.every(([key, check]) => check(value[key]))
}

export function both(one: Check, other: Check): Check {
  return (value) => one(value) && other(value)
}

export function maybe(check: Check): Check {
  return (value) => value === undefined || check(value)
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check)
}

export function mapOf(check: Check): Check {
  return (value) => isRecord(value) && Object.values(value).every(check)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

export function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

export function depthIsAtMost(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return left > 0 && Object.values(value).every((inner) => depthIsAtMost(inner, left - 1))
}
