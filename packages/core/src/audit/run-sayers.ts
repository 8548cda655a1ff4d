import type { Acquaintance } from './acquaintance.ts'
import type { Events, Said, Sayers } from './saying.ts'
import { named, resultOf, WAVE } from './saying.ts'

/** Of the run as a whole. */
export const RUN_SAYERS: Sayers<'run-started' | 'run-resumed' | 'notified' | 'run-finished'> = {
  'run-started': (event) => [start(event), freeze(event), ...images(event), settle(event)],
  'run-resumed': ({ waveVersion, differences, from, force }) => [
    {
      actor: { kind: 'user', name: 'user' },
      action: `resumed the run with wave ${waveVersion}`,
      ...resultOf([
        from && `from the step ${from} on`,
        force === true ? 'forced' : undefined,
        ...differences,
      ]),
    },
  ],
  notified: ({ hook, channel, on, problem }) => [
    {
      actor: WAVE,
      action: `sent the message of the hook ${hook} (${on}) to the channel ${channel}`,
      result: problem === undefined ? 'sent' : `not sent: ${problem}`,
    },
  ],
  'run-finished': (event, known) => [finish(event), ...deliveries(event, known)],
}

type Started = Events['run-started']

function start({ pipeline, mode, input, waveVersion }: Started): Said {
  const how = mode === 'evidence' ? ', without a language model' : ''
  return {
    actor: { kind: 'user', name: 'user' },
    action: `started the pipeline ${pipeline.name} with wave ${waveVersion}${how}`,
    inputs: [named('input', input), { name: pipeline.file, digest: pipeline.digest }],
  }
}

function freeze({ snapshot, bases, facts, frozen, projectDigest }: Started): Said {
  const { tree, head, dirty, files, dropped } = snapshot
  const kept = { ...(frozen && { frozen }), ...(facts && { facts }) }
  return {
    actor: WAVE,
    action: 'froze the project',
    inputs: [
      { name: '.wave/', digest: projectDigest },
      ...Object.entries(kept).map(([name, ref]) => named(name, ref)),
    ],
    ...resultOf([
      `tree ${tree}, files: ${files}, ${head === undefined ? 'no commit' : `commit ${head}`}`,
      dirty ? 'with uncommitted changes' : undefined,
      dropped.length > 0 ? `${dropped.length} left out` : undefined,
      ...Object.entries(bases ?? {}).map(([ref, base]) => `${ref} is the tree ${base.tree}`),
    ]),
  }
}

function images({ sandbox }: Started): readonly Said[] {
  const all = { ...(sandbox.image && { sandbox: sandbox.image }), ...sandbox.images }
  return Object.entries(all).map(([name, digest]) => ({
    actor: { kind: 'image', name },
    action: `was chosen for the ${sandbox.kind} sandbox`,
    result: digest,
  }))
}

function settle({ steps, models, limits, sandbox, notices = [] }: Started): Said {
  const { minutes, concurrency, usd, tokens } = limits
  return {
    actor: WAVE,
    action: `planned the steps ${steps.map(({ id }) => id).join(', ')}`,
    ...resultOf([
      sandbox.kind === 'none' ? 'no sandbox' : `sandbox ${sandbox.kind}`,
      `limits: ${minutes} minutes, ${concurrency} at a time`,
      usd === undefined ? undefined : `$${usd}`,
      tokens === undefined ? undefined : `${tokens} tokens`,
      ...Object.entries(models).map(([step, model]) => `${step} on ${model}`),
      ...notices,
    ]),
  }
}

function finish({
  outcome,
  verdict,
  exitCode,
  durationMs,
  usage,
  costUsd,
  leastUsd = 0,
}: Events['run-finished']): Said {
  return {
    actor: WAVE,
    action: `ended the run: ${outcome}`,
    ...resultOf([
      verdict && `verdict ${verdict}`,
      `exit code ${exitCode}${SIGNALS.get(exitCode) ?? ''}`,
      `${durationMs} ms`,
      usage && `${usage.input} tokens in, ${usage.output} out`,
      costUsd === undefined ? atLeast(leastUsd) : `$${costUsd}`,
    ]),
  }
}

function atLeast(usd: number): string {
  return usd > 0 ? `at least $${usd}` : 'cost unknown'
}

const SIGNALS: ReadonlyMap<number, string> = new Map([
  [130, ' (SIGINT)'],
  [143, ' (SIGTERM or SIGHUP)'],
])

function deliveries({ delivered }: Events['run-finished'], known: Acquaintance): readonly Said[] {
  return delivered.map(({ step, name, path }) => {
    const artifact = known.artifact(step, name)
    return {
      actor: WAVE,
      action: `delivered ${path} of the step ${step}`,
      outputs: artifact === undefined ? [] : [{ ...artifact, name: path }],
    }
  })
}
