import type { StepState } from '../state.ts'

/**
 * The steps of a run that goes on: what succeeded stays, the rest is decided anew. With `from`, that step
 * and all behind it lose what they did, and what they are a part of is entered again.
 */
export function reopened(
  steps: readonly StepState[],
  from: string | undefined,
): readonly StepState[] {
  const family = familyOf(steps)
  const { again, entered } = from === undefined ? NONE : startingAt(from, family)
  return steps.map((step) => {
    if (again.has(step.id)) return { ...undone(step), startedSeq: undefined }
    if (entered.has(step.id)) return undone(step)
    return step.status === 'succeeded' || isOver(step, family) ? step : undone(step)
  })
}

const NONE = { again: new Set<string>(), entered: new Set<string>() }

/** A loop that went on from a round went on from what had failed in it, too. */
function isOver({ id, parent }: StepState, family: Family): boolean {
  const around = parent === undefined ? undefined : family.byId.get(parent)
  if (around === undefined) return false
  const round = roundOf(id)
  return (round !== undefined && round <= around.closedRounds) || isOver(around, family)
}

/** What it cost, and what was tried, stays known. */
function undone(step: StepState): StepState {
  return {
    ...step,
    status: 'pending',
    durationMs: undefined,
    settledUsage: step.usage,
    artifacts: [],
    patch: undefined,
    verdict: undefined,
    partial: false,
    outcomes: [],
    answer: undefined,
    message: undefined,
    skippedBecause: undefined,
    wait: undefined,
  }
}

interface Start {
  /** These run again from nothing. */
  readonly again: ReadonlySet<string>
  /** These have such a part. */
  readonly entered: ReadonlySet<string>
}

function startingAt(from: string, family: Family): Start {
  const again = new Set<string>()
  const entered = new Set<string>()
  const queue = [from]
  for (const id of queue) {
    const step = family.byId.get(id)
    if (step === undefined || again.has(id)) continue
    again.add(id)
    const { parent } = step
    queue.push(...(family.dependents.get(id) ?? []), ...laterRounds(step, family))
    queue.push(...(family.parts.get(id) ?? []))
    for (const around of ancestorsOf(parent, family)) {
      if (again.has(around) || entered.has(around)) continue
      entered.add(around)
      const whole = family.byId.get(around)
      queue.push(...(family.dependents.get(around) ?? []))
      if (whole !== undefined) queue.push(...laterRounds(whole, family))
    }
  }
  return { again, entered: new Set([...entered].filter((id) => !again.has(id))) }
}

interface Family {
  readonly byId: ReadonlyMap<string, StepState>
  readonly dependents: ReadonlyMap<string, readonly string[]>
  readonly parts: ReadonlyMap<string, readonly string[]>
}

function familyOf(steps: readonly StepState[]): Family {
  const dependents = new Map<string, string[]>()
  const parts = new Map<string, string[]>()
  for (const { id, dependencies, parent } of steps) {
    for (const dependency of dependencies) add(dependents, dependency, id)
    if (parent !== undefined) add(parts, parent, id)
  }
  return { byId: new Map(steps.map((step) => [step.id, step])), dependents, parts }
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

function ancestorsOf(parent: string | undefined, family: Family): readonly string[] {
  if (parent === undefined) return []
  return [parent, ...ancestorsOf(family.byId.get(parent)?.parent, family)]
}

/** The rounds of a loop that follow build on the one before them. */
function laterRounds({ id, parent }: StepState, family: Family): readonly string[] {
  const round = roundOf(id)
  if (parent === undefined || round === undefined) return []
  const others = family.parts.get(parent) ?? []
  return others.filter((other) => (roundOf(other) ?? 0) > round)
}

function roundOf(id: string): number | undefined {
  const mark = id.lastIndexOf('#')
  const digits = id.slice(mark + 1)
  return mark >= 0 && /^\d+$/u.test(digits) ? Number(digits) : undefined
}
