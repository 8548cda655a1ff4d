import type {
  AggregateStrategy,
  BranchStep,
  ChildInput,
  GateStep,
  Injection,
  Iterate,
  Mount,
  PromptStep,
  Retry,
  Step,
  Pipeline,
} from '../pipeline/pipeline.ts'
import { contractDocument, modelDocument } from './contract-document.ts'
import { defined, durationText, type Fields, unlessEmpty } from './fields.ts'

/** A step as its file would say it, defaults filled in; texts from other files stand in full. */
export function stepDocument(step: Step): Fields {
  return {
    id: step.id,
    ...(step.kind === 'prompt' && { persona: step.persona }),
    ...unlessEmpty('dependencies', step.dependencies),
    ...(step.when !== undefined && { when: step.when.text }),
    ...(step.reworkOnly === true && { rework_only: true }),
    ...ownKeys(step),
    ...(step.iterate !== undefined && { iterate: iterateDocument(step.iterate) }),
    ...memoryKeys(step),
    ...workspaceKeys(step),
    ...artifactKeys(step),
    ...(step.contracts.length > 0 && {
      handover: { contracts: step.contracts.map(contractDocument) },
    }),
    ...attemptKeys(step),
    ...outcomeKeys(step),
    ...(step.message !== undefined && { message: step.message }),
  }
}

function ownKeys(step: Step): Fields {
  switch (step.kind) {
    case 'prompt':
      return promptKeys(step)
    case 'command':
      return defined({ type: 'command', script: step.script.text, dir: step.dir })
    case 'pipeline': {
      const env = Object.entries(step.env).map(([key, { text }]) => [key, text])
      return {
        pipeline: referenceTo(step.child),
        ...inputKeys(step.input),
        ...(env.length > 0 && { config: { env: Object.fromEntries(env) } }),
      }
    }
    case 'branch':
      return { branch: branchDocument(step), ...inputKeys(step.input) }
    case 'loop':
      return {
        loop: defined({
          max_iterations: step.maxIterations,
          until: step.until?.text,
          on_exhausted: step.onExhausted,
          steps: step.steps.map(stepDocument),
        }),
      }
    case 'gate':
      return { gate: gateDocument(step) }
    case 'aggregate': {
      const from = step.from.map((one) => `${one.step}.${one.artifact}`)
      return { aggregate: { from, ...strategyKeys(step.strategy) } }
    }
    default:
      return step satisfies never
  }
}

function promptKeys(step: PromptStep): Fields {
  const { model, permissions, limits, standIn, task, turns } = step
  return {
    ...(model !== undefined && { model: modelDocument(model) }),
    ...(permissions !== undefined && { permissions }),
    limits: defined({ turns, ...limits }),
    ...(standIn !== undefined && { stand_in: `evidence/${standIn}` }),
    exec: { type: 'prompt', source: task.text },
  }
}

function inputKeys(input: ChildInput): Fields {
  if (input === undefined) return {}
  if ('text' in input) return { input: input.text.text }
  const fields = Object.entries(input.fields).map(([key, { text }]) => [key, text])
  return { input: Object.fromEntries(fields) }
}

function branchDocument({ on, cases, otherwise }: BranchStep): Fields {
  const named = Object.entries(cases).map(([value, to]) => [value, nameOf(to)])
  return defined({ on: on.text, cases: Object.fromEntries(named), default: nameOf(otherwise) })
}

function nameOf(to: BranchStep['otherwise']): string | undefined {
  return to === undefined || to === 'skip' ? to : referenceTo(to)
}

/** How other files call a pipeline: with the folder that it lies in. */
function referenceTo({ file, name }: Pipeline): string {
  return /^\.wave\/pipelines\/(.+)\.yaml$/u.exec(file)?.[1] ?? name
}

function gateDocument({ gate }: GateStep): Fields {
  const { type, message, choices, waitMs, defaultChoice, freeform } = gate
  return defined({
    type,
    message: message?.text,
    ...(type === 'approval' && { choices, default: defaultChoice, freeform }),
    timeout: waitMs === undefined ? undefined : durationText(waitMs),
  })
}

function strategyKeys(strategy: AggregateStrategy): Fields {
  if (strategy.type === 'merge_arrays') {
    return defined({ strategy: strategy.type, key: strategy.key })
  }
  if (strategy.type !== 'vote') return { strategy: strategy.type }
  const { require, allowPartial, verdicts, field } = strategy
  const needed = typeof require === 'string' ? require : `${require.votes}/${require.of}`
  return defined({
    strategy: 'vote',
    require: needed,
    allow_partial: allowPartial,
    verdicts,
    field,
  })
}

function iterateDocument(iterate: Iterate): Fields {
  const { items } = iterate
  const over =
    items.kind === 'list'
      ? items.over.text
      : items.kind === 'text'
        ? items.text.text
        : `file://${items.path}`
  return defined({
    over,
    mode: iterate.mode,
    max_concurrent: iterate.mode === 'parallel' ? iterate.maxConcurrent : undefined,
    max_items: iterate.maxItems,
    on_failure: iterate.onFailure,
    min_success_rate: iterate.minSuccessRate,
  })
}

function memoryKeys(step: Step): Fields {
  const works = step.kind === 'prompt' || step.kind === 'command'
  if (!works || step.inject.length === 0) return {}
  return { memory: { strategy: 'fresh', inject_artifacts: step.inject.map(injectionDocument) } }
}

function injectionDocument({ step, artifact, as, optional, previous }: Injection): Fields {
  return {
    step,
    artifact,
    as,
    ...(optional === true && { optional }),
    ...(previous === true && { iteration: 'previous' }),
  }
}

function workspaceKeys({ kind, mount, image }: Step): Fields {
  const from = mount?.from
  const calls = kind === 'pipeline' || kind === 'branch'
  const workspace = defined({
    ...(mount !== undefined && !calls && mountKeys(mount)),
    ref: from !== undefined && 'ref' in from ? from.ref : undefined,
    image,
  })
  return Object.keys(workspace).length === 0 ? {} : { workspace }
}

function mountKeys({ source, target, mode, from }: Mount): Fields {
  if (from !== undefined && 'base' in from) return { type: 'worktree', base: from.base }
  return { mount: [{ source: source === '.' ? './' : source, target, mode }] }
}

/** Of a step that is made of others, what it hands over follows from those. */
function artifactKeys({ kind, artifacts }: Step): Fields {
  const declares = kind === 'prompt' || kind === 'command' || kind === 'aggregate'
  if (!declares) return {}
  return unlessEmpty(
    'output_artifacts',
    artifacts.map(({ name, path, type, required, source }) => ({
      name,
      path,
      type,
      required,
      source,
    })),
  )
}

function attemptKeys({ kind, retry, timeoutMs }: Step): Fields {
  if (kind === 'gate') return retry.onFailure === 'continue' ? { optional: true } : {}
  // Steps that are made of others have, unless they say so, no time limit but the run's.
  const timeout = Number.isFinite(timeoutMs) ? { timeout: durationText(timeoutMs) } : {}
  return { retry: retryDocument(retry), ...timeout }
}

function retryDocument(retry: Retry): Fields {
  return {
    max_attempts: retry.maxAttempts,
    backoff: retry.backoff,
    base_delay: durationText(retry.baseDelayMs),
    max_delay: durationText(retry.maxDelayMs),
    on_failure: retry.onFailure,
    ...(retry.rework !== undefined && { rework_step: retry.rework.step }),
    ...(retry.escalate === true && { escalate: true }),
  }
}

function outcomeKeys({ outcomes = [] }: Step): Fields {
  return unlessEmpty(
    'outcomes',
    outcomes.map(({ type, extractFrom, jsonPath, label }) =>
      defined({ type, extract_from: extractFrom, json_path: jsonPath, label }),
    ),
  )
}
