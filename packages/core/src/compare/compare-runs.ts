import type { RunEvent } from '../events.ts'
import type { SnapshotFile } from '../ports.ts'
import { fold, totalUsage } from '../run/state.ts'
import type { RunState } from '../run/state.ts'
import { compareMaps } from './compared.ts'
import type { Compared, RunComparison } from './compared.ts'
import { compareSteps } from './compare-steps.ts'

/** One of two runs. */
export interface ComparedRun {
  readonly events: readonly RunEvent[]
  /** The files of the tree that it froze; undefined: that is gone. */
  readonly files: readonly SnapshotFile[] | undefined
}

/** What two runs differ in, component by component and step by step. Pure: it only reads what was recorded. */
export function compareRuns(left: ComparedRun, right: ComparedRun): RunComparison {
  const [before, after] = [sideOf(left), sideOf(right)]
  const { started: first } = before.state
  const { started: second } = after.state
  return {
    left: first?.run ?? '',
    right: second?.run ?? '',
    components: [
      ...compareMaps((name) => name, componentsOf(before.state), componentsOf(after.state)),
      compareTrees(before, after),
      ...compareMaps((name) => `image ${name}`, imagesOf(before.state), imagesOf(after.state)),
      ...compareMaps((name) => `model of ${name}`, modelsOf(before.state), modelsOf(after.state)),
    ],
    outcome: compareMaps((name) => name, outcomeOf(before.state), outcomeOf(after.state)),
    steps: compareSteps(before, after),
  }
}

interface Side extends ComparedRun {
  readonly state: RunState
}

function sideOf(run: ComparedRun): Side {
  return { ...run, state: fold(run.events) }
}

function componentsOf({ started }: RunState): ReadonlyMap<string, string> {
  if (started === undefined) return new Map()
  const { pipeline, mode, input, projectDigest, snapshot, sandbox, limits, waveVersion } = started
  return filled({
    wave: waveVersion,
    pipeline: pipeline.name,
    'pipeline file': pipeline.digest,
    '.wave/ files': projectDigest,
    mode,
    input: `${input.digest} (${input.sizeBytes} bytes)`,
    commit: snapshot.head,
    sandbox: sandbox.kind,
    'limit on minutes': limits.minutes,
    'limit on concurrency': limits.concurrency,
    'limit on usd': limits.usd,
    'limit on tokens': limits.tokens,
  })
}

function imagesOf({ started }: RunState): ReadonlyMap<string, string> {
  const { image, images } = started?.sandbox ?? {}
  return filled({ ...(image !== undefined && { sandbox: image }), ...images })
}

function modelsOf({ started }: RunState): ReadonlyMap<string, string> {
  return filled(started?.models ?? {})
}

function outcomeOf(state: RunState): ReadonlyMap<string, string> {
  const { finished, costUsd, unpricedCalls } = state
  const usage = totalUsage(state)
  return filled({
    outcome: finished?.outcome ?? 'not ended',
    verdict: finished?.verdict,
    'exit code': finished?.exitCode,
    tokens: usage && usage.input + usage.output,
    usd: unpricedCalls > 0 ? 'unknown' : costUsd,
    'duration in ms': finished?.durationMs,
  })
}

/** Those that there are, as text. */
function filled(
  values: Readonly<Record<string, string | number | undefined>>,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as const],
    ),
  )
}

function compareTrees(left: Side, right: Side): Compared {
  const tree = {
    name: 'tree',
    left: left.state.started?.snapshot.tree,
    right: right.state.started?.snapshot.tree,
  }
  if (tree.left === tree.right) return tree
  if (left.files === undefined || right.files === undefined) {
    return { ...tree, detail: ['which files differ is not known: the objects of a tree are gone'] }
  }
  return { ...tree, detail: fileDifferences(left.files, right.files) }
}

function fileDifferences(
  left: readonly SnapshotFile[],
  right: readonly SnapshotFile[],
): readonly string[] {
  const changed = compareMaps((path) => path, byPath(left), byPath(right))
    .filter((file) => file.left !== file.right)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  const told = changed.slice(0, MAX_FILES).map((file) => `${howChanged(file)} ${file.name}`)
  const more = changed.length - told.length
  const files = changed.length === 1 ? '1 file' : `${changed.length} files`
  return [`${files} differ`, ...told, ...(more > 0 ? [`and ${more} more`] : [])]
}

const MAX_FILES = 200

function howChanged({ left, right }: Compared): string {
  if (left === undefined) return 'added'
  return right === undefined ? 'deleted' : 'modified'
}

function byPath(files: readonly SnapshotFile[]): ReadonlyMap<string, string> {
  return new Map(files.map(({ path, mode, oid }) => [path, `${mode} ${oid}`]))
}
