import type { DispatchEnd } from './dispatch-end.ts'
import { Dispatcher } from './dispatch.ts'
import type { Frame } from './frame.ts'
import { abortReason } from './step/attempt-signal.ts'

/** The steps of a graph in a step, until all have ended or the attempt is aborted. */
export async function dispatchWithin(frame: Frame, signal: AbortSignal): Promise<DispatchEnd> {
  const dispatcher = new Dispatcher(frame)
  const abort = (): void => dispatcher.abort(abortReason(signal))
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await dispatcher.run()
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
