import type { NewRunEvent } from '../../events.ts'

type Started = Extract<NewRunEvent, { readonly type: 'run-started' }>

/** What a run started with, or would go on with now. */
export interface Circumstances {
  readonly pipeline: Pick<Started['pipeline'], 'name' | 'digest'>
  readonly projectDigest: string
  readonly tree: string
  readonly sandbox: Started['sandbox']
  readonly models: Started['models']
  readonly waveVersion: string
}

/** What is not as it was. */
export interface Difference {
  /** One sentence. */
  readonly message: string
  /** The run does not go on with it, unless it is forced to. */
  readonly refused: boolean
}

/** Compares what a run would go on with to what it started with. */
export function findDifferences(started: Started, now: Circumstances): readonly Difference[] {
  const { pipeline, projectDigest, sandbox, models, waveVersion } = started
  return [
    differs(
      pipeline.digest,
      now.pipeline.digest,
      `The pipeline ${pipeline.name} was changed.`,
      true,
    ),
    differs(started.snapshot.tree, now.tree, treeMessage(started.snapshot.tree, now.tree), true),
    ...imageDifferences(sandbox, now.sandbox),
    ...modelDifferences(models, now.models),
    differs(
      projectDigest,
      now.projectDigest,
      'Files in .wave/ that the pipeline uses were changed.',
      false,
    ),
    differs(
      waveVersion,
      now.waveVersion,
      `It was started by wave ${waveVersion}, and this is ${now.waveVersion}.`,
      false,
    ),
  ].filter((one) => one !== undefined)
}

function differs(
  before: string | undefined,
  now: string | undefined,
  message: string,
  refused: boolean,
): Difference | undefined {
  return before === now ? undefined : { message, refused }
}

function treeMessage(before: string, now: string): string {
  return `The project is at the tree ${now.slice(0, 12)}, and the run started from ${before.slice(0, 12)}.`
}

function imageDifferences(
  before: Started['sandbox'],
  now: Started['sandbox'],
): readonly (Difference | undefined)[] {
  if (before.kind !== now.kind) {
    const message = `Steps ran in the sandbox "${before.kind}", and now it is "${now.kind}".`
    return [{ message, refused: true }]
  }
  const named = Object.entries(before.images ?? {}).map(([name, digest]) =>
    differs(digest, now.images?.[name], `The image "${name}" is another one.`, true),
  )
  return [
    differs(before.image, now.image, 'The image of the sandbox is another one.', true),
    ...named,
  ]
}

function modelDifferences(
  before: Started['models'],
  now: Started['models'],
): readonly (Difference | undefined)[] {
  return Object.entries(before).map(([step, model]) =>
    differs(
      model,
      now[step],
      `The step ${step} ran on ${model}, and now on ${now[step] ?? 'none'}.`,
      false,
    ),
  )
}
