import type { ShapePath } from '../schema/shape.ts'

/**
 * Keys that other tools of this dialect know or that belong to the other language, but that have no place
 * in a file of this one: what to say, instead of calling them unknown. By place, list indices left out.
 */
const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    kind: 'leave it out; "$schema" says which dialect this is',
    metadata: 'write "name" and "description" at the top level',
    llm: 'use "execution"',
    variables: 'use "env"',
    inputs: 'read the input as {{input}} or {{input.key}}',
    outputs: 'use "wave.fields" of a step',
    on_error: 'it belongs to "execution"',
    provider: 'it belongs to "execution"',
    model: 'it belongs to "execution"',
    adapter: 'use "execution.provider"',
    persona: 'it belongs to "wave"',
    workspace: 'it belongs to "wave"',
  },
  execution: {
    adapter: 'use "provider" and "model"',
    on_failure: 'use "on_error", or "on_failure" of a step',
    max_retries: 'it belongs to a step, with `on_failure: retry`',
    logger: 'use "logging"',
  },
  steps: {
    id: 'write it as "name"',
    prompt: 'write it as "run"',
    exec: 'write it as "run"',
    dependencies: 'write it as "needs"',
    depends_on: 'write it as "needs"',
    when: 'write it as "if"',
    for_each: 'use "loop" with `mode: iterate`',
    item_name: 'an item is always {{item}}',
    outputs: 'use "wave.fields"',
    output_var: 'the result of a step is read by its name: {{name}}',
    on_error: 'use "on_failure"',
    llm: 'use "provider" and "model"',
    variables: 'use "env" of the workflow',
    inputs: 'use "input"',
    embeddings: 'it is not supported; wave makes no embeddings',
    rag: 'it is not supported; give the texts to the step as a file or as input',
    adapter: 'use "provider" and "model"',
    persona: 'it belongs to "wave"',
    workspace: 'it belongs to "wave"',
    fields: 'it belongs to "wave"',
    verdicts: 'it belongs to "wave"',
    require_sections: 'it belongs to "wave"',
    output: 'it belongs to "wave"',
    retries: 'use "max_retries" with `on_failure: retry`',
  },
  'steps.template': { workflow: 'write it as "name"', input: 'write it as "with.input"' },
  'steps.loop': { name: 'write it as "workflow"', max_concurrent: 'use "max_workers"' },
  'steps.consensus': { providers: 'use "executions"', quorum: 'use "require"' },
  loops: { max_concurrent: 'use "max_workers"', if: 'write the loop as a step with "loop"' },
}

/** What to say about a key that is not in the schema. Undefined: it is unknown. */
export function knownWorkflowKey(path: ShapePath, key: string): string | undefined {
  const words = KEYS[path.filter((part) => typeof part === 'string').join('.')]
  return words !== undefined && Object.hasOwn(words, key) ? words[key] : undefined
}
