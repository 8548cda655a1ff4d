import type { Plan, Problem, Snapshot, WorkspaceProvider } from '@wave/core'
import { ProblemsError, WaveError } from '@wave/core/language'
import { readEngineFacts, snapshotFolder } from '@wave/workspace'
import type { Config } from './config/load.ts'
import { diskNotes, engineDiskNotes } from './doctor/disks.ts'
import { everyStep } from './plan-steps.ts'
import type { Project } from './project.ts'

/** The images that steps of a plan name. Throws `config-invalid` for those that the user does not allow. */
export function allowedImages(
  plan: Plan,
  { user, paths }: Pick<Config, 'user' | 'paths'>,
): ReadonlySet<string> {
  const allowed = Object.keys(user.sandbox?.images ?? {})
  const names = new Set<string>()
  const problems: Problem[] = []
  for (const { planned } of everyStep(plan)) {
    const { id, image, location } = planned.step
    if (image === undefined) continue
    names.add(image)
    if (allowed.includes(image)) continue
    problems.push({
      code: 'config-invalid',
      message: `Step "${id}" asks for the image "${image}", which your configuration does not allow.`,
      location,
      hint: `"sandbox.images" in ${paths.configFile} ${allowed.length === 0 ? 'names none' : `names ${allowed.join(', ')}`}: add it there, or take "workspace.image" out of the step.`,
    })
  }
  const [first, ...others] = problems
  if (first !== undefined) throw new ProblemsError([first, ...others])
  return names
}

/** Throws `pipeline-invalid` when a step mounts a folder that the project does not have. */
export function checkMounts(plan: Plan, snapshot: Snapshot): void {
  for (const { planned } of everyStep(plan)) {
    const { mount, location } = planned.step
    // What another step or another commit holds is known only then.
    if (mount === undefined || mount.from !== undefined) continue
    snapshotFolder(snapshot, mount.source, location)
  }
}

/** Which disks are short of room or do not keep what is written: told, and no reason to refuse a run. */
export async function storageNotes(
  project: Project,
  { paths }: Pick<Config, 'paths'>,
  provider: WorkspaceProvider | undefined,
): Promise<readonly string[]> {
  try {
    const own = diskNotes(project, paths.dataDir)
    return provider?.kind === 'docker' ? own.concat(engineDiskNotes(await readEngineFacts())) : own
  } catch {
    // Whatever cannot be looked at says so itself when it is used.
    return []
  }
}

/**
 * Whether the images have the commands that pipelines require: the images of the steps that execute
 * something, else the default one. Throws `image-unfit`.
 */
export async function checkTools(
  plan: Plan,
  provider: WorkspaceProvider,
  signal: AbortSignal,
): Promise<void> {
  if (!provider.canExecute) return
  for (const [image, tools] of requiredTools(plan)) {
    const missing = await missingTools(provider, { image, tools: [...tools] }, signal)
    if (missing.length === 0) continue
    const name = image === undefined ? 'The sandbox image' : `The sandbox image "${image}"`
    throw new WaveError('image-unfit', `${name} has no ${missing.join(', ')}.`, {
      hint: 'The pipeline requires it with "requires.tools": name an image that has it under "sandbox" in your configuration.',
    })
  }
}

function requiredTools(plan: Plan): ReadonlyMap<string | undefined, ReadonlySet<string>> {
  const required = new Map<string | undefined, Set<string>>()
  const require = (image: string | undefined, tools: readonly string[]): void => {
    if (tools.length === 0) return
    required.set(image, new Set([...(required.get(image) ?? []), ...tools]))
  }
  const steps = everyStep(plan)
  const executing = steps.filter(({ planned }) => planned.executes && planned.runner !== 'engine')
  for (const { planned, plan: own } of executing)
    require(planned.step.image, own.pipeline.requiredTools)
  for (const own of new Set([plan, ...steps.map((step) => step.plan)]))
    if (!executing.some((step) => step.plan === own)) require(undefined, own.pipeline.requiredTools)
  return required
}

async function missingTools(
  provider: WorkspaceProvider,
  wanted: { readonly image: string | undefined; readonly tools: readonly string[] },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { image, tools } = wanted
  const spec = { run: 'preflight', step: 'tools', attempt: 1, mount: undefined, inputs: [] }
  await using workspace = await provider.open({ ...spec, ...(image && { image }) }, signal)
  const argv = ['sh', '-c', EACH_MISSING, 'sh', ...tools]
  const { exitCode, output } = await workspace.exec(argv, LIMITS, signal)
  signal.throwIfAborted()
  if (exitCode !== 0)
    throw new WaveError(
      'workspace-failed',
      'The commands of the sandbox image cannot be looked up.',
    )
  const said = new Set(Buffer.from(output).toString().split('\n'))
  return tools.filter((tool) => said.has(tool))
}

const EACH_MISSING =
  'for tool; do command -v "$tool" >/dev/null 2>&1 || printf "%s\\n" "$tool"; done'
const LIMITS = { cwd: '/work', timeoutMs: 30_000, maxOutputBytes: 64 * 1024 }
