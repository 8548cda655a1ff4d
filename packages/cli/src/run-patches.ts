import { basename } from 'node:path'
import { fold, storageError, takeLock, WaveError } from '@wave/core'
import type { LeftOut, RunEvent, RunState, StepState } from '@wave/core'
import { readRunEvents, StoredBytes } from '@wave/core/runs'
import type { ApplyRequest } from '@wave/workspace'
import { enclosing, handedOver } from './handed-over.ts'

/**
 * What a run changed, in the order of its items, else in the one in which its steps ended. Every digest is verified,
 * and nothing outside the folder is read, whoever filled it.
 */
export function readRunPatches(directory: string): RunPatches {
  const { events } = readRunEvents(directory)
  const store = new StoredBytes(directory)
  const state = fold(events)
  const steps = inOrder(state, events)
  const patches = steps.flatMap(({ id, patch }) =>
    patch === undefined ? [] : [{ text: store.get(patch), step: id, baseTree: patch.baseTree }],
  )
  if (patches.length === 0) {
    throw new WaveError('no-patch', `Run ${basename(directory)} changed nothing.`, {
      hint: 'Read its report: a fix may be described there.',
    })
  }
  const recorded = steps.flatMap(({ id, patch }) =>
    patch === undefined ? [] : [{ step: id, digest: patch.digest }],
  )
  const left = steps.flatMap(({ patch }) => patch?.leftOut ?? [])
  const leftOut = [...new Map(left.map((each) => [each.path, each])).values()]
  return {
    run: basename(directory),
    patches,
    base: state.started?.snapshot.tree,
    recorded,
    leftOut,
  }
}

export interface RunPatches extends Pick<ApplyRequest, 'run' | 'patches' | 'base'> {
  /** The same patches, by the digests under which they are stored. */
  readonly recorded: readonly { readonly step: string; readonly digest: string }[]
  /** Changed by the run as well, and never applied. */
  readonly leftOut: readonly LeftOut[]
}

/** Held while a run is applied: not while it is under way, and by one at a time. Throws `run-locked`. */
export function lockRun(directory: string): Disposable {
  try {
    return takeLock(directory)
  } catch (error) {
    throw storageError(error, directory)
  }
}

function inOrder(state: RunState, events: readonly RunEvent[]): readonly StepState[] {
  const ended = new Map(
    events.flatMap((event) => (event.type === 'step-succeeded' ? [[event.step, event.seq]] : [])),
  )
  const places = new Map(
    handedOver(state).map((step) => [step, placesOf(state, step, ended)] as const),
  )
  return [...places.keys()].toSorted((left, right) =>
    compare(places.get(left) ?? [], places.get(right) ?? []),
  )
}

/** Where a step stands among the parts of the step around it, from the outermost inwards. */
function placesOf(
  { steps }: RunState,
  step: StepState,
  ended: ReadonlyMap<string, number>,
): readonly number[] {
  const line = [step, ...enclosing(steps, step)].toReversed()
  return line.map(({ id, parent }) => itemNumber(id, parent) ?? ended.get(id) ?? 0)
}

/** Of an item of a fan-out, whose parts are all items. */
function itemNumber(id: string, parent: string | undefined): number | undefined {
  if (parent === undefined || !id.startsWith(`${parent}[`)) return undefined
  const digits = /^(\d+)\]$/u.exec(id.slice(parent.length + 1))?.[1]
  return digits === undefined ? undefined : Number(digits)
}

function compare(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((place, index) => place !== right[index])
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0)
}
