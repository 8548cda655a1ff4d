/** One line of `wave doctor`. Only errors keep wave from doing its job. */
export interface Check {
  readonly name: string
  readonly level: 'ok' | 'note' | 'warning' | 'error'
  readonly message: string
  /** What to do about it. */
  readonly fix?: string
}

export function ok(name: string, message: string): Check {
  return { name, level: 'ok', message }
}

export function note(name: string, message: string, fix?: string): Check {
  return { name, level: 'note', message, ...(fix !== undefined && { fix }) }
}

export function warning(name: string, message: string, fix: string): Check {
  return { name, level: 'warning', message, fix }
}

export function failure(name: string, message: string, fix: string): Check {
  return { name, level: 'error', message, fix }
}
