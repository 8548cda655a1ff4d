/** Random pipelines that die, are cancelled, answered and asked again, against what a clean run came to. */
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { RunEvent } from '../../../packages/core/src/events.ts'
import type { RunResult } from '../../../packages/core/src/run/request.ts'
import { fold } from '../../../packages/core/src/run/state.ts'
import { ResumeRig } from '../../../packages/core/src/testing/resume-rig.ts'
import { eventsOf } from '../../../packages/core/src/testing/yaml-run.ts'

interface Sketch {
  readonly kind: 'prompt' | 'command' | 'gate' | 'loop' | 'items'
  readonly needs: readonly number[]
}

type Going =
  /** The process dies once so many events more are recorded. */
  | { readonly do: 'die'; readonly after: number }
  /** Ctrl-C as soon as so many events more are recorded. */
  | { readonly do: 'cancel'; readonly after: number }
  | { readonly do: 'from-step'; readonly step: number; readonly after: number }
  /** From now on the user answers gates. */
  | { readonly do: 'answer' }

export interface RunSchedule {
  readonly steps: readonly Sketch[]
  readonly concurrency: number
  readonly goings: readonly Going[]
}

const after = fc.integer({ min: 0, max: 40 })

export const runSchedule: fc.Arbitrary<RunSchedule> = fc.record({
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom('prompt', 'prompt', 'command', 'gate', 'loop', 'items'),
      needs: fc.array(fc.nat(20), { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  concurrency: fc.integer({ min: 1, max: 3 }),
  goings: fc.array(
    fc.oneof(
      { arbitrary: fc.record({ do: fc.constant('die'), after }), weight: 4 },
      { arbitrary: fc.record({ do: fc.constant('cancel'), after }), weight: 2 },
      {
        arbitrary: fc.record({ do: fc.constant('from-step'), step: fc.nat(20), after }),
        weight: 1,
      },
      { arbitrary: fc.record({ do: fc.constant('answer') }), weight: 1 },
    ),
    { maxLength: 8 },
  ),
})

/** Throws where it does not come to what a clean run comes to. */
export async function playRun(scene: RunSchedule): Promise<void> {
  const clean = openRig(scene)
  const wanted = await clean.go({ answers: answersTo(scene) })
  if (wanted?.outcome !== 'completed') throw new Error(`The clean run: ${wanted?.outcome}.`)
  const play = new Play(scene)
  for (const [index, going] of scene.goings.entries()) {
    await told(`going ${index}, ${JSON.stringify(going)}`, () => play.perform(going))
  }
  await told('the end', () => play.end(wanted, clean))
}

async function told(where: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${where}: ${what}`, { cause })
  }
}

class Play {
  readonly #scene: RunSchedule
  readonly #rig: ResumeRig
  #interruptions = 0
  #isAnswering = false
  #done: ReadonlySet<string> = new Set()

  constructor(scene: RunSchedule) {
    this.#scene = scene
    this.#rig = openRig(scene)
  }

  async perform(going: Going): Promise<void> {
    if (going.do === 'answer') {
      this.#isAnswering = true
      return
    }
    const before = this.#rig.events
    const capacity = before.length + going.after
    if (going.do === 'cancel') await this.#cancel(going.after)
    else if (going.do === 'die') await this.#go({ capacity })
    else await this.#goFrom(idOf(going.step % this.#scene.steps.length), capacity)
    assert.deepEqual(this.#rig.events.slice(0, before.length), before)
    this.#expectProgress(before.length)
  }

  async end(wanted: RunResult, clean: ResumeRig): Promise<void> {
    const rig = this.#rig
    this.#isAnswering = true
    const result = (await this.#go({})) ?? assert.fail('it died')
    assert.equal(result.outcome, 'completed')
    assert.deepEqual(outcomesOf(result), outcomesOf(wanted))
    assert.deepEqual(fold(rig.events), result.state)
    const again = eventsOf(rig.events, 'run-resumed').filter(
      ({ from }) => from !== undefined,
    ).length
    const once = successesOf(clean.events)
    for (const [step, count] of successesOf(rig.events)) {
      const most = (once.get(step) ?? 0) * (1 + again)
      assert.ok(count >= 1 && count <= most, `${step} succeeded ${count} times`)
    }
    const underWay = this.#interruptions * this.#scene.concurrency
    const most = clean.calls * (1 + again) + underWay
    assert.ok(rig.calls <= most, `${rig.calls} calls, not ${most}`)
  }

  async #go(how: Parameters<ResumeRig['go']>[0]): Promise<RunResult | undefined> {
    const answers = this.#isAnswering ? answersTo(this.#scene) : {}
    const result = await this.#rig.go({ answers, ...how })
    if (result === undefined || result.outcome === 'cancelled') this.#interruptions += 1
    return result
  }

  async #goFrom(fromStep: string, capacity: number): Promise<void> {
    if (fold(this.#rig.events).steps.get(fromStep) === undefined) return
    await this.#go({ capacity, how: { fromStep } })
  }

  async #cancel(count: number): Promise<void> {
    const control = new AbortController()
    let left = count
    const onEvent = (): void => {
      left -= 1
      if (left === 0) control.abort('SIGINT')
    }
    if (count === 0) control.abort('SIGINT')
    await this.#go({ signal: control.signal, onEvent })
  }

  /** What succeeded stays, unless it was asked for again. */
  #expectProgress(since: number): void {
    const steps = fold(this.#rig.events).steps.values()
    const now = new Set(steps.filter(({ status }) => status === 'succeeded').map(({ id }) => id))
    const added = this.#rig.events.slice(since)
    const isAgain = added.some((event) => event.type === 'run-resumed' && event.from !== undefined)
    if (!isAgain) assert.deepEqual([...this.#done.difference(now)], [])
    this.#done = now
  }
}

function openRig({ steps, concurrency }: RunSchedule): ResumeRig {
  const yaml = JSON.stringify({
    kind: 'WavePipeline',
    metadata: { name: 'random' },
    steps: steps.map(stepOf),
  })
  return new ResumeRig({
    yaml,
    limits: { concurrency },
    answer: (task) => {
      const id = task.split(' ')[1] ?? ''
      return { [id]: `The answer to: ${task}` }
    },
  })
}

function stepOf({ kind, needs }: Sketch, place: number): object {
  const id = idOf(place)
  const dependencies = [...new Set(needs.map((need) => need % (place + 1)))]
    .filter((need) => need < place)
    .map(idOf)
  switch (kind) {
    case 'prompt':
      return { ...prompt(id), dependencies }
    case 'command':
      return { id, type: 'command', script: 'true', dependencies }
    case 'gate':
      return { id, dependencies, gate: GATE }
    case 'loop': {
      const loop = { max_iterations: 2, until: 'iteration >= 2', steps: [prompt(`${id}-in`)] }
      return { id, dependencies, loop }
    }
    case 'items':
      return {
        ...prompt(id, '{{ item }}'),
        dependencies,
        iterate: { over: '[1, 2, 3]', mode: 'parallel', max_concurrent: 2 },
      }
    default:
      return kind satisfies never
  }
}

const GATE = {
  type: 'approval',
  message: 'Ship?',
  choices: [
    { key: 'y', label: 'Yes' },
    { key: 'n', label: 'No' },
  ],
}

function prompt(name: string, more = ''): object {
  return {
    id: name,
    persona: 'navigator',
    exec: { source: `Do ${name} ${more}` },
    output_artifacts: [{ name, path: `out/${name}.txt` }],
  }
}

function idOf(place: number): string {
  return `s${place}`
}

function answersTo({ steps }: RunSchedule): Readonly<Record<string, string>> {
  const gates = steps.flatMap(({ kind }, place) => (kind === 'gate' ? [idOf(place)] : []))
  return Object.fromEntries(gates.map((id) => [id, 'y']))
}

function outcomesOf({ state }: RunResult): readonly object[] {
  const steps = state.steps.values().map(({ id, status, artifacts }) => ({
    id,
    status,
    artifacts: artifacts.map(({ name, digest }) => `${name} ${digest}`),
  }))
  return steps.toSorted((left, right) => (left.id < right.id ? -1 : 1))
}

function successesOf(events: readonly RunEvent[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { step } of eventsOf(events, 'step-succeeded')) {
    counts.set(step, (counts.get(step) ?? 0) + 1)
  }
  return counts
}
