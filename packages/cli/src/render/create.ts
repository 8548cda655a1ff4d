import type { Clock } from '@wave/core'
import type { Invocation, OutputMode } from '../invocation.ts'
import { paintOf } from '../invocation.ts'
import { isPlain } from './colour.ts'
import { JsonRenderer } from './json.ts'
import { Heartbeat } from './live.ts'
import { QuietRenderer } from './quiet.ts'
import type { Renderer } from './renderer.ts'

/** The renderer for this mode and terminal. */
export async function createRenderer(
  invocation: Invocation,
  mode: OutputMode,
  { clock, applies }: { readonly clock: Clock; readonly applies: boolean },
): Promise<Renderer> {
  const { out, err, env } = invocation.host
  if (mode === 'json') return new JsonRenderer(out)
  if (mode === 'quiet') return new QuietRenderer(out)
  const lines = await openLines(invocation, mode, applies)
  // The block moves the cursor of standard error: the lines must be on the same terminal.
  if (out.isTerminal && err.isTerminal && !isPlain(env)) {
    const { openLive } = await import('./open-live.ts')
    return openLive(lines, clock)
  }
  return new Heartbeat(lines, (line) => err.write(line), clock)
}

async function openLines(
  invocation: Invocation,
  mode: 'text' | 'steps',
  applies: boolean,
): Promise<Renderer> {
  const { out } = invocation.host
  if (mode === 'steps') {
    const { StepsRenderer } = await import('./steps.ts')
    return new StepsRenderer(out, paintOf(invocation), applies)
  }
  const { TextRenderer } = await import('./text.ts')
  return new TextRenderer(out, paintOf(invocation), applies)
}
