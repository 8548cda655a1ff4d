import type { Events, Said, Sayers } from './saying.ts'
import { artifactNamed, named, resultOf, WAVE } from './saying.ts'

/** What happens within the attempts of a step. */
export const WORK_SAYERS: Sayers<
  | 'model-request'
  | 'model-response'
  | 'model-failed'
  | 'tool-call'
  | 'tool-result'
  | 'artifact-stored'
  | 'contract-checked'
  | 'hook-ran'
  | 'fields-extracted'
  | 'warning'
  | 'limit-warning'
> = {
  'model-request': ({ step, turn, key, model, parameters, prompt }, known) => [
    {
      actor: known.step(step),
      action: `asked the model ${model}, turn ${turn}`,
      inputs: [
        { name: 'request', digest: key },
        ...(prompt === undefined ? [] : [named('prompt', prompt)]),
      ],
      ...resultOf(Object.entries(parameters ?? {}).map(([name, value]) => `${name} ${value}`)),
    },
  ],
  'model-response': (event) => [answer(event)],
  'model-failed': ({ class: kind, message, retryInMs, costUsd, key }) => [
    {
      actor: { kind: 'model', name: 'provider' },
      action: `did not answer: ${kind}, ${message}`,
      inputs: [{ name: 'request', digest: key }],
      ...resultOf([
        retryInMs === undefined ? 'is not asked again' : `is asked again in ${retryInMs} ms`,
        cost(costUsd),
      ]),
    },
  ],
  'tool-call': ({ step, tool, input, call }, known) => [
    {
      actor: known.step(step),
      action: `called the tool ${tool} (${call})`,
      inputs: [named('input', input)],
    },
  ],
  'tool-result': ({ step, call, isError, output, shownBytes }, known) => [
    {
      actor: known.tool(step, call),
      action: `${isError ? 'failed' : 'gave a result'} (${call})`,
      outputs: [named('output', output)],
      result: `${shownBytes} bytes shown to the model`,
    },
  ],
  'artifact-stored': ({ step, artifact }, known) => [
    {
      actor: known.step(step),
      action: `handed over the artifact ${artifact.name}`,
      outputs: [artifactNamed(artifact)],
    },
  ],
  'contract-checked': ({ attempt, contract, passed, problems, notes = [] }) => [
    {
      actor: WAVE,
      action: `checked the contract ${contract} of attempt ${attempt}`,
      ...resultOf([passed ? 'passed' : 'failed', ...problems, ...notes]),
    },
  ],
  'hook-ran': ({ hook, problem }) => [
    { actor: WAVE, action: `ran the hook ${hook}`, result: problem ?? 'ran' },
  ],
  'fields-extracted': ({ stage }) => [
    { actor: WAVE, action: 'read the fields of the result', result: stage },
  ],
  warning: ({ message }) => [{ actor: WAVE, action: `warned: ${message}` }],
  'limit-warning': ({ limit, share, scope }) => [
    {
      actor: WAVE,
      action: `warned: ${Math.round(share * 100)} % of the limit on ${limit} of the ${scope ?? 'step'} is used`,
    },
  ],
}

function answer(event: Events['model-response']): Said {
  const { model, stop, usage, costUsd, reply, reused, lastCall, key } = event
  return {
    actor: { kind: 'model', name: model ?? 'model' },
    action: reused === true ? 'had answered before; the paid reply is used' : 'answered',
    inputs: [{ name: 'request', digest: key }],
    outputs: [named('reply', reply)],
    ...resultOf([
      `stop: ${stop}`,
      usage && `${usage.input} tokens in, ${usage.output} out`,
      cost(costUsd),
      lastCall === true ? 'the last call that the budget allows' : undefined,
    ]),
  }
}

function cost(costUsd: number | undefined): string {
  return costUsd === undefined ? 'cost unknown' : `$${costUsd}`
}
