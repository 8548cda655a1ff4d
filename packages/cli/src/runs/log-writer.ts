import { basename } from 'node:path'
import type { RunEvent } from '@wave/core'
import { type Invocation, type OutputMode, paintOf } from '../invocation.ts'
import { clockOf } from '../render/format.ts'
import { escapeJson, sanitiseLine } from '../sanitise.ts'
import { showDay } from './cells.ts'
import { EventTeller } from './event-lines.ts'
import { Transcript } from './transcript.ts'

interface LogRequest {
  readonly directory: string
  readonly output: OutputMode
  readonly isWanted: (event: RunEvent) => boolean
  /** With what was said, called and answered, in full. */
  readonly hasTranscript: boolean
}

/** Writes each event as a line for people, or as it was recorded. */
export function createLogWriter(
  invocation: Invocation,
  request: LogRequest,
): (event: RunEvent) => void {
  if (request.output === 'quiet') return () => {}
  return request.output === 'json'
    ? jsonWriter(invocation, request)
    : textWriter(invocation, request)
}

function jsonWriter(
  { host }: Invocation,
  { directory, isWanted }: LogRequest,
): (event: RunEvent) => void {
  let run = basename(directory)
  return (event) => {
    if (event.type === 'run-started') ({ run } = event)
    if (isWanted(event)) host.out.write(`${escapeJson(JSON.stringify({ ...event, run }))}\n`)
  }
}

function textWriter(
  invocation: Invocation,
  { directory, isWanted, hasTranscript }: LogRequest,
): (event: RunEvent) => void {
  const { out } = invocation.host
  const paint = paintOf(invocation)
  const teller = new EventTeller()
  const transcript = hasTranscript ? new Transcript(directory) : undefined
  let day = ''
  return (event) => {
    const told = teller.tell(event)
    if (!isWanted(event)) return
    const today = showDay(event.at)
    if (today !== day) out.write(`${paint('dim', today)}\n`)
    day = today
    const step = 'step' in event ? event.step : ''
    const cell = sanitiseLine(step).padEnd(STEP_WIDTH)
    out.write(`[${clockOf(event.at)}] ${cell} ${sanitiseLine(told)}\n`)
    if (transcript !== undefined) out.write(transcript.show(event))
  }
}

const STEP_WIDTH = 17
