import { expect, test } from 'vitest'
import type { RunEvent } from '../../events.ts'
import { REFERENCE_FILES, REFERENCE_YAML, referenceAnswer } from '../../testing/reference-run.ts'
import { CALL_USD, ResumeRig } from '../../testing/resume-rig.ts'
import { eventsOf } from '../../testing/yaml-run.ts'
import type { RunResult } from '../request.ts'
import { fold } from '../state.ts'

function openRig(concurrency = 1): ResumeRig {
  return new ResumeRig({
    yaml: REFERENCE_YAML,
    files: REFERENCE_FILES,
    answer: referenceAnswer,
    limits: { concurrency },
  })
}

/** What the steps came to, without what may differ. */
function outcomesOf({ state }: RunResult) {
  const steps = state.steps.values().map(({ id, status, artifacts, patch, tree }) => ({
    id,
    status,
    artifacts: artifacts.map(({ name, digest }) => `${name} ${digest}`),
    patch: patch?.digest,
    tree,
  }))
  return steps.toSorted((left, right) => (left.id < right.id ? -1 : 1))
}

function successesOf(events: readonly RunEvent[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { step } of eventsOf(events, 'step-succeeded')) counts[step] = (counts[step] ?? 0) + 1
  return counts
}

async function cleanRun(concurrency?: number) {
  const rig = openRig(concurrency)
  const result = await rig.go()
  if (result === undefined) throw new Error('the clean run died')
  return { rig, result, outcomes: outcomesOf(result), successes: successesOf(rig.events) }
}

function expectLike(
  rig: ResumeRig,
  result: RunResult | undefined,
  clean: Awaited<ReturnType<typeof cleanRun>>,
): void {
  if (result === undefined) throw new Error('the run died')
  expect(result.outcome).toBe('completed')
  expect(outcomesOf(result)).toEqual(clean.outcomes)
  expect(successesOf(rig.events)).toEqual(clean.successes)
  // What is journaled is what was paid, but for replies that were lost before they could be.
  const paid = eventsOf(rig.events, 'model-response').filter(({ reused }) => reused !== true)
  expect(result.state.costUsd).toBeCloseTo(paid.length * CALL_USD)
  // Nobody knows what was billed for the calls that were under way.
  const asked = eventsOf(rig.events, 'model-request').length
  expect(result.state.unpricedCalls).toBe(asked - paid.length)
  const finished = eventsOf(rig.events, 'run-finished').at(-1)
  expect(finished?.usage?.input).toBe(paid.length * 100)
  expect(paid.length).toBe(clean.rig.calls)
  expect(fold(rig.events)).toEqual(result.state)
  const attempts = eventsOf(rig.events, 'step-started').map(
    ({ step, attempt }) => `${step} ${attempt}`,
  )
  expect(new Set(attempts).size).toBe(attempts.length)
}

test('DU-09 DU-10 a run that dies after any of its events goes on to the same end', async () => {
  const clean = await cleanRun()
  const total = clean.rig.events.length
  for (let capacity = 0; capacity < total; capacity += 1) {
    const rig = openRig()
    expect(await rig.go({ capacity }), `event ${capacity}`).toBeUndefined()
    expect(rig.events.length).toBe(capacity)
    expectLike(rig, await rig.go(), clean)
    expect(rig.calls, `event ${capacity}`).toBeLessThanOrEqual(clean.rig.calls + 1)
  }
}, 60_000)

test('side by side, no more calls are repeated than were under way', async () => {
  const clean = await cleanRun(4)
  const total = clean.rig.events.length
  for (let capacity = 1; capacity < total; capacity += 7) {
    const rig = openRig(4)
    await rig.go({ capacity })
    expectLike(rig, await rig.go(), clean)
    expect(rig.calls, `event ${capacity}`).toBeLessThanOrEqual(clean.rig.calls + 4)
  }
}, 60_000)

test('DU-12 ten crashes in a row during resume: progress never goes back', async () => {
  const clean = await cleanRun()
  for (const step of [3, 5, 8, 13]) {
    const rig = openRig()
    let done = new Set<string>()
    let result: RunResult | undefined
    let crashes = 0
    while (result === undefined) {
      result = await rig.go(crashes < 10 ? { capacity: rig.events.length + step } : {})
      crashes += 1
      const steps = fold(rig.events).steps.values()
      const now = new Set(steps.filter(({ status }) => status === 'succeeded').map(({ id }) => id))
      expect(now).toEqual(now.union(done))
      done = now
    }
    expect(crashes).toBeGreaterThan(5)
    expectLike(rig, result, clean)
    expect(rig.calls).toBeLessThanOrEqual(clean.rig.calls + 10)
  }
}, 60_000)
