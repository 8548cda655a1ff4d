import type { Location, Problem } from '@wave/core'
import { ProblemsError, WaveError } from '@wave/core/language'
import { escapeJson, escapeName, sanitiseLine, sanitiseText } from '../sanitise.ts'

/** An error as people read it: what happened, where, what to do. Anything but a `WaveError` is a bug in wave. */
export function renderProblem(error: unknown, options: { readonly stack: boolean }): string {
  if (!(error instanceof WaveError)) return renderBug(error)
  const text = withoutRepeatedHints(problemsOf(error)).map(renderOne).join('')
  return options.stack && error.stack !== undefined ? `${text}${sanitiseText(error.stack)}\n` : text
}

/**
 * An error as one JSON line. Several problems stand in `problems`, the first of them also at the top. `about`: what
 * the command had found out by then.
 */
export function renderProblemJson(error: unknown, about: object = {}): string {
  const record =
    error instanceof WaveError
      ? { ...toRecord(problemsOf(error)[0]), ...several(error) }
      : { code: 'internal', message: `Internal error: ${messageOf(error)}`, hint: REPORT }
  return `${escapeJson(JSON.stringify({ type: 'error', ...record, ...about }))}\n`
}

/** Problems that do not end the command. */
export function renderWarning(message: string): string {
  return `warning: ${sanitiseLine(message)}\n`
}

/** A notice about a place in a file. */
export function renderProblemWarning(problem: Problem): string {
  const place = problem.location === undefined ? '' : `  ${placeOf(problem.location)}\n`
  return `${renderWarning(problem.message)}${place}${hintOf(problem)}`
}

/** What the user should know, and need not do anything about. */
export function renderNote(message: string): string {
  return `note: ${sanitiseLine(message)}\n`
}

const REPORT = 'This is a bug in wave. Report it with the text above and what you ran.'

function problemsOf(error: WaveError): readonly [Problem, ...Problem[]] {
  if (error instanceof ProblemsError) return error.problems
  const { code, message, hint, location } = error
  return [{ code, message, ...(hint && { hint }), ...(location && { location }) }]
}

/** What helps against several problems is said with the first of them. */
function withoutRepeatedHints(problems: readonly Problem[]): readonly Problem[] {
  const said = new Set<string>()
  return problems.map((problem) => {
    const { hint, ...rest } = problem
    // What was meant is meant each time.
    const isSaid = hint === undefined || (said.has(hint) && !hint.startsWith('Did you mean'))
    if (isSaid) return rest
    said.add(hint)
    return problem
  })
}

function renderOne(problem: Problem): string {
  const place = problem.location === undefined ? '' : `  ${placeOf(problem.location)}\n`
  return `error[${problem.code}]: ${sanitiseLine(problem.message)}\n${place}${hintOf(problem)}`
}

function hintOf({ hint }: Problem): string {
  return hint === undefined ? '' : `  hint: ${sanitiseLine(hint)}\n`
}

function placeOf(location: Location): string {
  return `${escapeName(location.file)}:${location.line}:${location.column}`
}

function several(error: WaveError): { readonly problems?: readonly object[] } {
  const problems = problemsOf(error)
  return problems.length > 1 ? { problems: problems.map(toRecord) } : {}
}

function toRecord(problem: Problem): object {
  const { code, message, hint, location } = problem
  return { code, message, hint, location }
}

function renderBug(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return `Internal error: ${sanitiseText(messageOf(error))}\n${sanitiseText(stack)}\n  hint: ${REPORT}\n`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^Internal error: /, '') : String(error)
}
