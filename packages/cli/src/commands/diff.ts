import {
  type Compared,
  type ComparedStep,
  compareRuns,
  isSame,
  type RunComparison,
} from '@wave/core/inspection'
import { fold, readRunEvents } from '@wave/core/runs'
import type { RunEvent } from '@wave/core'
import { createSnapshotSource } from '@wave/workspace'
import { loadConfig } from '../config/load.ts'
import { type Invocation, paintOf } from '../invocation.ts'
import { findProject } from '../project.ts'
import { renderRows } from '../render/rows.ts'
import { diffContents, type DiffSide, renderContents } from '../runs/diff-contents.ts'
import { openRun } from '../runs/open-runs.ts'
import { escapeJson, escapeName, sanitiseLine } from '../sanitise.ts'

interface DiffOptions {
  readonly content?: boolean
}

/** What two runs differ in: what went into them, what came out, and each step. Reads only. */
export async function diff(
  invocation: Invocation,
  options: DiffOptions,
  [left = '', right = '']: readonly string[],
): Promise<number> {
  const { output, directory } = await openRun(invocation, left)
  const other = await openRun(invocation, right)
  const [before, after] = [readSide(directory), readSide(other.directory)]
  const found = await compare(invocation, before, after)
  const contents = options.content === true ? diffContents(before, after) : undefined
  const { out } = invocation.host
  if (output === 'json') {
    const all = { ...toJson(found), ...(contents && { contents }) }
    out.write(`${escapeJson(JSON.stringify(all))}\n`)
  } else {
    out.write(renderComparison(found))
    if (contents !== undefined && contents.length > 0)
      out.write(`\n${renderContents(contents, paintOf(invocation))}`)
  }
  return 0
}

interface Side extends DiffSide {
  readonly events: readonly RunEvent[]
}

function readSide(directory: string): Side {
  const { events } = readRunEvents(directory)
  return { directory, events, state: fold(events) }
}

async function compare(invocation: Invocation, left: Side, right: Side): Promise<RunComparison> {
  const project = findProject(invocation.cwd)
  const { paths } = await loadConfig(invocation, project)
  const snapshots = createSnapshotSource({ dataDir: paths.dataDir })
  const isOther = left.state.started?.snapshot.tree !== right.state.started?.snapshot.tree
  const open = async ({
    events,
    state: { started },
  }: Side): Promise<Parameters<typeof compareRuns>[0]> => {
    if (!isOther || started === undefined) return { events, files: undefined }
    const { tree, head, dirty, dropped } = started.snapshot
    const recorded = { tree, head, dirty, dropped, history: 'none' } as const
    return { events, files: (await snapshots.reopen(project.root, recorded))?.files }
  }
  return compareRuns(await open(left), await open(right))
}

function renderComparison(found: RunComparison): string {
  const components = found.components.filter((each) => !isSame(each))
  const outcome = found.outcome.filter((each) => !isSame(each))
  return [
    section('Input', components, found.components.length),
    section('Outcome', outcome, found.outcome.length),
    renderSteps(found.steps),
  ].join('\n')
}

function section(title: string, differing: readonly Compared[], all: number): string {
  const same = all - differing.length
  return `${title}: ${differing.length} of ${differing.length + same} differ\n${renderValues(differing)}`
}

function renderValues(values: readonly Compared[]): string {
  return values
    .map((value) => {
      const { name, left, right, detail = [] } = value
      const row = renderRows([[name, `${shorten(left)} -> ${shorten(right)}`]], '  ')
      return row + detail.map((line) => `    ${sanitiseLine(escapeName(line))}\n`).join('')
    })
    .join('')
}

function renderSteps(steps: readonly ComparedStep[]): string {
  const differing = steps.flatMap((step) => {
    const values = step.values.filter((each) => !isSame(each))
    return step.in === 'both' && values.length === 0 ? [] : [{ ...step, values }]
  })
  const lines = differing.map(({ id, in: where, values }) => {
    const only =
      where === 'both' ? '' : `, only in the ${where === 'left' ? 'first' : 'second'} run`
    return `${sanitiseLine(id)}${only}\n${renderValues(values)}`
  })
  return [`Steps: ${differing.length} of ${steps.length} differ\n`, ...lines].join('\n')
}

/** Digests need not be read in full. */
function shorten(value: string | undefined): string {
  return value === undefined ? '-' : value.replaceAll(/\b([0-9a-f]{12})[0-9a-f]{28,52}\b/gu, '$1')
}

function toJson({ left, right, components, outcome, steps }: RunComparison): object {
  return {
    v: 1,
    left,
    right,
    components: components.map(valueToJson),
    outcome: outcome.map(valueToJson),
    steps: steps.map((step) => ({
      id: step.id,
      in: step.in,
      same: step.in === 'both' && step.values.every(isSame),
      values: step.values.map(valueToJson),
    })),
  }
}

function valueToJson(value: Compared): object {
  const { name, left, right, detail } = value
  const values = { left: left ?? null, right: right ?? null }
  return { name, same: isSame(value), ...values, ...(detail !== undefined && { detail }) }
}
