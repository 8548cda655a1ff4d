import type { Problem } from '../../errors.ts'
import { suggestionHint } from '../../suggest.ts'
import { BUNDLED_FILES } from '../bundled.ts'
import { loadPipeline } from '../load.ts'
import type { Pipeline, Step } from '../pipeline.ts'
import { inCall, withCalls } from '../source.ts'
import type { PipelineFile, ProjectFiles } from '../source.ts'
import type { Caller } from '../workflow-v2/caller.ts'

type Child =
  | { readonly ok: true; readonly value: Pipeline }
  /** What is wrong with the call itself. */
  | { readonly ok: false; readonly message: string; readonly hint?: string }
  /** What is wrong with the called file; the same objects each time it is called. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

/**
 * The pipeline that a file calls by its name. Calls that come back to where they started and calls that
 * go too deep are refused; the message goes on after the name of the calling step.
 */
export function loadChild(
  name: string,
  caller: PipelineFile,
  project: ProjectFiles,
  wishes?: Caller,
): Child {
  const { calls, ...files } = withCalls(project)
  const file = files.pipeline(name, caller.file)
  if (file === undefined) return unknown(name, files)
  const chain = [...calls.chain, caller]
  const start = chain.findIndex((one) => one.file === file.file)
  if (start !== -1) {
    const circle = [...chain.slice(start), file]
    return { ok: false, message: `calls pipelines in a circle: ${shown(circle)}` }
  }
  if (chain.length > MAX_DEPTH) return tooDeep([...chain, file])
  // What a translated workflow asks of its child becomes part of that.
  const key = wishes === undefined ? file.file : `${file.file}\n${keyOf(wishes)}`
  const within = { chain, loaded: calls.loaded, ...(wishes && { caller: wishes }) }
  const loaded = calls.loaded.get(key) ?? loadPipeline(file, inCall(filesOf(file, files), within))
  calls.loaded.set(key, loaded)
  if (!loaded.ok) return loaded
  const depth = chain.length + heightOf(loaded.value)
  return depth > MAX_DEPTH ? tooDeep([...chain, file]) : loaded
}

/** The pipelines that steps call, those of loop bodies too. */
export function calledBy(steps: readonly Step[]): readonly Pipeline[] {
  return steps.flatMap((step) => {
    if (step.kind === 'pipeline') return [step.child]
    if (step.kind === 'loop') return calledBy(step.steps)
    if (step.kind !== 'branch') return []
    const called = [...Object.values(step.cases), step.otherwise ?? 'skip']
    return called.filter((one) => one !== 'skip')
  })
}

function filesOf(file: PipelineFile, project: ProjectFiles): ProjectFiles {
  return file.origin === 'bundled' ? BUNDLED_FILES : project
}

const MAX_DEPTH = 5

function keyOf({ fields, keys, loop }: Caller): string {
  return JSON.stringify([[...fields], keys ?? null, loop ?? null])
}

const heights = new WeakMap<Pipeline, number>()

/** How many levels of pipelines lie below. */
function heightOf(pipeline: Pipeline): number {
  const known = heights.get(pipeline)
  if (known !== undefined) return known
  const children = calledBy(pipeline.steps)
  const height = children.reduce((most, child) => Math.max(most, heightOf(child) + 1), 0)
  heights.set(pipeline, height)
  return height
}

function unknown(name: string, files: ProjectFiles): Child {
  const hint = suggestionHint(name, files.pipelineNames?.() ?? [], 'pipelines')
  return { ok: false, message: `calls the unknown pipeline "${name}"`, hint }
}

function tooDeep(chain: readonly PipelineFile[]): Child {
  const message = `calls pipelines more than ${MAX_DEPTH} levels deep: ${shown(chain)}`
  return { ok: false, message }
}

function shown(chain: readonly PipelineFile[]): string {
  return chain.map(({ name, file }) => `"${name ?? file}"`).join(' -> ')
}
