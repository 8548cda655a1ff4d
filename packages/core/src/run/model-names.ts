import type { RunRequest } from './request.ts'

/** The first model of each step that has one, as `provider/model`. */
export function modelNames({ plan }: RunRequest): Readonly<Record<string, string>> {
  const entries = plan.steps.flatMap(({ step, models: [first] }) =>
    first === undefined ? [] : [[step.id, `${first.provider}/${first.model}`] as const],
  )
  return Object.fromEntries(entries)
}
