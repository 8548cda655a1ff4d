import type { RunEvent } from '../events.ts'
import type { StepContext, StepOutcome } from '../ports.ts'
import { startRig, succeed } from './rig.ts'
import type { RigOptions } from './rig.ts'
import { planYaml } from './yaml-plan.ts'
import type { YamlFiles } from './yaml-plan.ts'

export type Perform = (context: StepContext) => StepOutcome | Promise<StepOutcome>

export interface Scene extends Omit<RigOptions, 'plan' | 'perform'> {
  readonly files?: YamlFiles
}

/** Runs a pipeline as a user writes it; `perform` answers for every prompt step. */
export async function runYaml(yaml: string, perform: Perform = () => succeed(), scene: Scene = {}) {
  const { files = {}, ...options } = scene
  const rig = startRig({ ...options, plan: planYaml(yaml, files), perform })
  const result = await rig.result
  const statuses = Object.fromEntries(
    result.state.steps.values().map(({ id, status }) => [id, status]),
  )
  const read = (step: string, artifact = 0): string => {
    const stored = result.state.steps.get(step)?.artifacts[artifact]
    return stored === undefined ? '' : Buffer.from(rig.store.get(stored)).toString()
  }
  return { ...result, events: rig.events, statuses, read }
}

export function eventsOf<T extends RunEvent['type']>(events: readonly RunEvent[], type: T) {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type)
}

/** A pipeline file with these steps, and these keys before them. */
export function pipelineYaml(steps: string, top = ''): string {
  return `kind: WavePipeline\nmetadata: {name: test}\n${top}\nsteps:\n${steps}`
}

/** A prompt step in that file. `more` are its other keys, indented by four. */
export function promptYaml(id: string, more = ''): string {
  return `  - id: ${id}\n    persona: navigator\n    exec: {source: "Do ${id} {{ input }}"}\n${more}`
}

export function artifactYaml(name: string, ending: 'json' | 'txt'): string {
  const type = ending === 'json' ? ', type: json' : ''
  return `    output_artifacts: [{name: ${name}, path: out/${name}.${ending}${type}}]\n`
}
