import type { Problem } from '../errors.ts'
import type { NewRunEvent, RunEvent } from '../events.ts'
import type { Journal } from '../ports.ts'
import { redactBytes, redactDeep } from '../redact-deep.ts'
import type { Redactor } from '../redact.ts'
import type { RunRequest } from './request.ts'

/**
 * The request with its secrets taken out, before anything is made of it: templates, prompts, the store and
 * the journal know redacted texts only. That the input held one is told where the run starts.
 */
export function redactRequest(request: RunRequest): RunRequest {
  const { redact, facts, plan } = request
  if (redact === undefined) return request
  const input = redact(request.input)
  const project = redactDeep(request.project, redact)
  const { pipeline } = plan
  const notices = [
    ...(input === request.input ? [] : [notice('The input')]),
    ...(project === request.project ? [] : [notice('A value of the project configuration')]),
    ...pipeline.notices,
  ]
  return {
    ...request,
    // An object of its own may stand behind it.
    onEvent: (event) => request.onEvent(event),
    input,
    project,
    plan: { ...plan, pipeline: { ...pipeline, notices } },
    journal: new RedactedJournal(request.journal, redact),
    ...(facts && { facts: redactBytes(facts, redact) }),
  }
}

function notice(what: string): Problem {
  return { code: 'usage', message: `${what} held a secret, which was replaced.` }
}

class RedactedJournal implements Journal {
  readonly #inner: Journal
  readonly #redact: Redactor

  constructor(inner: Journal, redact: Redactor) {
    this.#inner = inner
    this.#redact = redact
  }

  append(event: NewRunEvent): RunEvent {
    return this.#inner.append(redactDeep(event, this.#redact, NAMES))
  }

  appendAll(events: readonly NewRunEvent[]): readonly RunEvent[] {
    return this.#inner.appendAll(events.map((event) => redactDeep(event, this.#redact, NAMES)))
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]()
  }
}

/** Fields that events are put together by: ids, digests, names out of the plan, words of a union. */
const NAMES: ReadonlySet<string> = new Set([
  'type',
  'run',
  'step',
  'steps',
  'id',
  'role',
  'dependencies',
  'by',
  'to',
  'from',
  'choice',
  'name',
  'path',
  'as',
  'key',
  'digest',
  'personaDigest',
  'projectDigest',
  'tree',
  'baseTree',
  'head',
  'reason',
  'models',
  'bases',
  'made',
])
