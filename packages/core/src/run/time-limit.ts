import type { Dispatcher } from './dispatch.ts'
import type { RunContext } from './request.ts'

/** Ends the run when its minutes are over, and warns at 80 % and 95 % of them. */
export function watchTime(run: RunContext, dispatcher: Dispatcher): Disposable {
  const { clock, plan } = run.request
  const totalMs = plan.limits.minutes * 60_000
  const warnings = [0.8, 0.95].map((share) =>
    clock.after(totalMs * share, () => warn(run, dispatcher, share)),
  )
  const end = clock.after(totalMs, () =>
    dispatcher.abort({ reason: 'limit-reached', limit: 'time', scope: 'run' }),
  )
  return {
    [Symbol.dispose]() {
      for (const timer of [...warnings, end]) timer[Symbol.dispose]()
    },
  }
}

function warn(run: RunContext, dispatcher: Dispatcher, share: number): void {
  const [step] = dispatcher.running
  if (step === undefined) return
  try {
    run.log.append({ type: 'limit-warning', step, limit: 'time', share })
  } catch (error) {
    dispatcher.crash(error)
  }
}
