import type { RunEvent } from '@wave/core'

type Wait = Extract<RunEvent, { type: 'run-waiting' }>

type Waiting = Extract<RunEvent, { type: 'gate-waiting' | 'run-waiting' }>

/** For an answer, or for a provider. */
export function isWaiting(event: RunEvent): event is Waiting {
  return event.type === 'gate-waiting' || event.type === 'run-waiting'
}

/** What it is that the step waits for. */
export function describeWaiting(event: Waiting): string {
  return event.type === 'gate-waiting' ? event.message : describeWait(event)
}

/** When a provider wants to be asked again: `10:42 UTC`, with the date where that is another day. */
export function showNotBefore({ notBefore, at }: Pick<Wait, 'notBefore' | 'at'>): string {
  const timeMs = Date.parse(notBefore)
  if (Number.isNaN(timeMs)) return notBefore
  // Rounded up: a minute too late is no mistake.
  const time = new Date(Math.ceil(timeMs / MINUTE_MS) * MINUTE_MS).toISOString()
  const day = time.slice(0, 10) === at.slice(0, 10) ? '' : `${time.slice(0, 10)} `
  return `${day}${time.slice(11, 16)} UTC`
}

const MINUTE_MS = 60_000

/** What the step waits for, in one line. */
export function describeWait(event: Wait): string {
  return `${event.model} asks to wait until ${showNotBefore(event)}: ${event.message}`
}

/** Who asked for more time than has passed. The run goes on all the same, and asks at once. */
export function earlyNotes(events: readonly RunEvent[], nowMs: number): readonly string[] {
  const last = events.slice(events.findLastIndex(({ type }) => type === 'run-resumed') + 1)
  return last
    .filter((event) => event.type === 'run-waiting')
    .filter(({ notBefore }) => Date.parse(notBefore) > nowMs)
    .map((event) => `${event.model} asked to wait until ${showNotBefore(event)}; it is asked now.`)
}
