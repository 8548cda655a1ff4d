import { randomInt } from 'node:crypto'
import type { ChatReply } from '../../acceptance/support/chat-server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FlowScene } from '../../support/flow-scene.ts'
import { inParallel } from './suite.ts'
import type { CrashPoint, CrashSuite } from './suite.ts'

const NAMES = ['one', 'two', 'three', 'four']
/** Hours from the machine's clock: days back, hours, a day, a year. */
const JUMPS = [-48, -1, 0, 8, 24, 8760]
const COUNT = 60

/** Real runs whose clock jumps at every reply; some are killed, and go on where the clock says another time. */
export const suite: CrashSuite = {
  name: 'clocks',
  cases: ['CK-01', 'CK-02'],
  async run(scope, report) {
    const { workers, point } = scope
    for (const fault of ['jumps', 'jumps-and-kill'] as const) {
      if (!scope.wants('run', fault)) continue
      const first = point ?? randomInt(2 ** 30)
      const seeds = Array.from({ length: point === undefined ? COUNT : 1 }, (_, at) => first + at)
      await inParallel(seeds, workers, async (seed) => report(await tryOne(seed, fault)))
    }
  },
}

async function tryOne(seed: number, fault: 'jumps' | 'jumps-and-kill'): Promise<CrashPoint> {
  const startMs = performance.now()
  const random = numbersFrom(seed)
  const jumps = new Map(NAMES.map((name) => [name, JUMPS[random() % JUMPS.length] ?? 0]))
  const steps = NAMES.map((name) => ({ name }))
  let clock: FakeClock | undefined
  const reply = (step: string): ChatReply => {
    clock?.jump(jumps.get(step) ?? 0)
    return `Result of ${step}`
  }
  await using scene = await FlowScene.open(steps, reply)
  clock = new FakeClock(scene.sandbox.root)
  const isKilled = fault === 'jumps-and-kill'
  if (isKilled) {
    const { child, ended } = await scene.startUntil(1 + (random() % 4), ['run', 'flow'], clock.env)
    child.kill('SIGKILL')
    await ended
    clock.jump(JUMPS[random() % JUMPS.length] ?? 0)
  }
  const args = isKilled ? ['resume'] : ['run', 'flow']
  const { exitCode, stderr } = await scene.wave(args, clock.env)
  const problems = [
    ...(exitCode === 0 ? [] : [`ended with ${exitCode}: ${stderr}`]),
    ...(await problemsOf(scene, clock)),
  ]
  const repeatedCalls = scene.asked.length - NAMES.length
  if (repeatedCalls > (isKilled ? 1 : 0)) problems.push(`asked for ${scene.asked.join(', ')}`)
  const durationMs = performance.now() - startMs
  const caseId = isKilled ? 'CK-02' : 'CK-01'
  return { caseId, call: 'run', fault, point: seed, problems, repeatedCalls, durationMs }
}

async function problemsOf(scene: FlowScene, clock: FakeClock): Promise<readonly string[]> {
  const events = scene.events()
  const isInOrder = events.every(({ seq }, index) => seq === index)
  const done = events.flatMap((event) => (event.type === 'step-succeeded' ? [event.step] : []))
  const { exitCode, stdout } = await scene.wave(['verify', 'last'], clock.env)
  return [
    ...(isInOrder ? [] : ['events are not in the order of their numbers']),
    ...(done.join() === NAMES.join() ? [] : [`succeeded: ${done.join(', ')}`]),
    ...(exitCode === 0 ? [] : [stdout]),
  ]
}

/** The same numbers for the same seed. */
function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    // A linear congruential generator: its low bits are poor.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 16
  }
}
