import type { Evaluated } from '../events.ts'
import { describeFailure } from '../run/failure.ts'
import type { Events, Sayers } from './saying.ts'
import { artifactNamed, named, resultOf, WAVE } from './saying.ts'

/** How steps begin and end, and what decides about them. */
export const STEP_SAYERS: Sayers<
  | 'step-started'
  | 'step-reused'
  | 'step-succeeded'
  | 'step-failed'
  | 'step-skipped'
  | 'steps-added'
  | 'gate-waiting'
  | 'run-waiting'
  | 'gate-answered'
  | 'branch-taken'
  | 'round-ended'
  | 'step-reworking'
> = {
  'step-started': (event, known) => [
    {
      actor: known.step(event.step),
      action: `${event.resumed === true ? 'went on with' : 'began'} attempt ${event.attempt}`,
      inputs: [
        ...(event.personaDigest === undefined
          ? []
          : [{ name: 'persona', digest: event.personaDigest }]),
        ...event.inputs.map(({ as, digest }) => ({ name: as, digest })),
      ],
      ...resultOf([`on the tree ${event.tree}`, event.when && condition(event.when)]),
    },
  ],
  'step-reused': ({ step, run }) => [
    { actor: WAVE, action: `took ${step} over from the run ${run}, into which the same had gone` },
  ],
  'step-succeeded': (event, known) => [
    {
      actor: known.step(event.step),
      action: `completed in attempt ${event.attempt}: ${event.message}`,
      outputs: [
        ...event.artifacts.map(artifactNamed),
        ...(event.patch === undefined ? [] : [named('patch', event.patch)]),
      ],
      ...resultOf(gains(event)),
    },
  ],
  'step-failed': (event, known) => [
    {
      actor: known.step(event.step),
      action: `failed in attempt ${event.attempt}: ${describeFailure(event.failure)}`,
      outputs: event.told === undefined ? [] : [named('told to the next attempt', event.told)],
      ...resultOf([
        ...('problems' in event.failure ? event.failure.problems : []),
        event.willRetry ? 'is tried again' : 'is not tried again',
        `${event.durationMs} ms`,
      ]),
    },
  ],
  'step-skipped': (event) => [
    {
      actor: WAVE,
      action: `skipped the step ${event.step}`,
      ...resultOf([event.because, event.when && condition(event.when)]),
    },
  ],
  'steps-added': ({ step, steps }, known) => [
    { actor: known.step(step), action: `added steps: ${steps.map(({ id }) => id).join(', ')}` },
  ],
  'gate-waiting': ({ step, message, choices, waitMs }) => [
    {
      actor: WAVE,
      action: `asked for a decision in ${step}: ${message}`,
      ...resultOf([
        choices.map(({ key, label }) => `${key} = ${label}`).join(', '),
        waitMs === undefined ? 'without end' : `for ${waitMs} ms`,
      ]),
    },
  ],
  'run-waiting': ({ step, model, class: kind, message, notBefore }) => [
    {
      actor: { kind: 'model', name: model },
      action: `asked to wait in ${step}: ${kind}, ${message}`,
      result: `not before ${notBefore}`,
    },
  ],
  'gate-answered': ({ step, choice, text, by }) => [
    {
      actor: { kind: by, name: by },
      action: `answered ${step}: ${choice}`,
      ...resultOf([text]),
    },
  ],
  'branch-taken': ({ step, value, to, on }, known) => [
    {
      actor: known.step(step),
      action: `took the branch ${to} for ${value}`,
      ...resultOf([condition(on)]),
    },
  ],
  'round-ended': ({ step, iteration, end, partial, until }, known) => [
    {
      actor: known.step(step),
      action: `ended round ${iteration}: ${end}`,
      ...resultOf([partial === true ? 'partial' : undefined, until && condition(until)]),
    },
  ],
  'step-reworking': ({ step, by, round, because }, known) => [
    {
      actor: known.step(by),
      action: `began to repair ${step}, round ${round}`,
      ...resultOf([because]),
    },
  ],
}

function gains(event: Events['step-succeeded']): readonly (string | undefined)[] {
  const { patch, tree, verdict, partial, fields = [], outcomes = [], durationMs, usage } = event
  return [
    verdict && `verdict ${verdict}`,
    partial === true ? 'partial' : undefined,
    patch && `files changed: ${patch.files}, +${patch.added} -${patch.deleted}`,
    tree && `leaves the tree ${tree}`,
    ...fields.map(({ label, value }) => `${label}: ${value}`),
    ...outcomes.map(({ type, label, value }) => `${type} ${label}: ${value}`),
    `${durationMs} ms`,
    usage && `${usage.input} tokens in, ${usage.output} out`,
  ]
}

function condition({ expression, values, result }: Evaluated): string {
  const given = Object.entries(values).map(([name, value]) => `${name} is ${value}`)
  return `${expression} gave ${result}${given.length > 0 ? ` (${given.join(', ')})` : ''}`
}
