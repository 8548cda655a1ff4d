import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { WaveError } from '../errors.ts'
import type { NewRunEvent, RunEvent, StepFailure } from '../events.ts'
import { WorkspaceLost } from '../workspace-errors.ts'
import type { StepContext, StepOutcome } from '../ports.ts'
import { ManualClock, settle } from '../testing/manual-clock.ts'
import { MemoryArtifactStore, MemoryJournal } from '../testing/memory-storage.ts'
import { MemoryWorkspaceProvider } from '../testing/memory-workspace.ts'
import { sketchArtifact, sketchPlan, sketchStep } from '../testing/plans.ts'
import type { PlanSketch, StepSketch } from '../testing/plans.ts'
import { startRig, succeed } from '../testing/rig.ts'
import { journalPath } from './journal/journal.ts'
import { readJournal } from './journal/journal-scan.ts'
import { findRun, openRunFolder, runsFolder } from './journal/run-folder.ts'
import { fold } from './state.ts'

const plan = (steps: readonly StepSketch[], sketch?: PlanSketch) =>
  sketchPlan(steps.map(sketchStep), sketch)

const stuck: StepOutcome = {
  status: 'failed',
  failure: { reason: 'stuck', pattern: 'the same call' },
  usage: undefined,
}

const retry = (maxAttempts: number, onFailure: 'fail' | 'skip' | 'continue' = 'fail') => ({
  maxAttempts,
  backoff: 'exponential' as const,
  baseDelayMs: 1000,
  maxDelayMs: 60_000,
  onFailure,
})

/** `type:step` of every event about a step. */
const trace = (events: readonly RunEvent[]): readonly string[] =>
  events.flatMap((event) => ('step' in event ? [`${event.type}:${event.step}`] : []))

const statuses = (events: readonly RunEvent[]): Record<string, string> =>
  Object.fromEntries(
    fold(events)
      .steps.values()
      .map(({ id, status }) => [id, status]),
  )

const failing = (context: StepContext): StepOutcome =>
  context.planned.step.id === 'bad' ? stuck : succeed()

/** The exit code of a run whose only step fails like this. */
async function codeOf(failure: StepFailure): Promise<number> {
  const outcome: StepOutcome = { status: 'failed', failure, usage: undefined }
  const rig = startRig({ plan: plan([{ id: 'a' }]), perform: () => outcome })
  return (await rig.result).exitCode
}

const READONLY = { source: '.', target: '/src', mode: 'readonly' } as const

/** Workspaces that wait for this before they are closed. */
function closing(done: () => Promise<void>): MemoryWorkspaceProvider {
  const provider = new MemoryWorkspaceProvider()
  const open = provider.open.bind(provider)
  return Object.assign(provider, {
    open: async (...args: Parameters<typeof open>) =>
      Object.assign(await open(...args), { [Symbol.asyncDispose]: done }),
  })
}

const unclosable = () => closing(() => Promise.reject(new Error('the engine is gone')))

/** Steps that end when the test says so. */
function held() {
  const open = new Map<string, (outcome: StepOutcome) => void>()
  const perform = (context: StepContext): Promise<StepOutcome> =>
    new Promise((resolve) => {
      open.set(context.planned.step.id, resolve)
      context.signal.addEventListener('abort', () => resolve(stuck))
    })
  const end = async (id: string, outcome: StepOutcome = succeed()): Promise<void> => {
    open.get(id)?.(outcome)
    open.delete(id)
    await settle()
  }
  return { open, perform, end, ids: () => [...open.keys()] }
}

describe('order', () => {
  test('a step starts before an unrelated slow sibling ends', async () => {
    const steps = held()
    const rig = startRig({
      plan: plan([{ id: 'a' }, { id: 'b' }, { id: 'c', dependencies: ['b'] }]),
      perform: steps.perform,
    })
    await settle()
    await steps.end('b')
    expect(steps.ids()).toEqual(['a', 'c'])
    await steps.end('c')
    await steps.end('a')
    expect((await rig.result).outcome).toBe('completed')
  })

  test('never more steps at once than the limit, the next ones in file order', async () => {
    const steps = held()
    const ids = ['e', 'd', 'c', 'b', 'a']
    startRig({
      plan: plan(
        ids.map((id) => ({ id })),
        { limits: { concurrency: 2 } },
      ),
      perform: steps.perform,
    })
    await settle()
    expect(steps.ids()).toEqual(['e', 'd'])
    await steps.end('d')
    expect(steps.ids()).toEqual(['e', 'c'])
  })

  test('the end of a step and the start of the next share one fsync, and nothing is shown before', async () => {
    const rig = startRig({ plan: plan([{ id: 'a' }, { id: 'b', dependencies: ['a'] }]) })
    await rig.result
    expect(rig.journal.groups).toEqual([1, 1, 2, 1, 1])
    expect(rig.events).toEqual(rig.journal.events)
  })

  test('no event is shown that is not in the journal yet', async () => {
    const journal = new MemoryJournal(new ManualClock())
    const seen: boolean[] = []
    const rig = startRig({
      plan: plan([{ id: 'a' }]),
      journal,
      onEvent: (event) => seen.push(journal.events.includes(event)),
    })
    await rig.result
    expect(seen).toEqual([true, true, true, true])
  })
})

describe('one step', () => {
  test('artifacts are checked, stored, recorded, and handed to the steps that ask for them', async () => {
    const inputs: unknown[] = []
    const rig = startRig({
      plan: plan([
        { id: 'triage', artifacts: [sketchArtifact('report', 'report.json', { type: 'json' })] },
        {
          id: 'fix',
          dependencies: ['triage'],
          inject: [{ step: 'triage', artifact: 'report', as: 'facts' }],
          task: {
            text: '{{ artifacts.facts }} {{ steps.triage.artifacts.report.cause }} {{ input }}',
            location: { file: 'x', line: 1, column: 1 },
          },
        },
      ]),
      perform(context) {
        if (context.planned.step.id === 'triage') {
          return succeed({ report: '```json\n{"cause":"{{ x }}"}\n```', undeclared: 'no' })
        }
        inputs.push(context.task, ...context.inputs.map(({ content }) => String(content)))
        return succeed()
      },
    })
    const result = await rig.result
    expect(result).toMatchObject({ outcome: 'completed', exitCode: 0 })
    expect(inputs[0]).toBe('/work/artifacts/facts {{ x }} the input')
    const stored = result.state.steps.get('triage')?.artifacts ?? []
    expect(stored.map(({ name, path }) => [name, path])).toEqual([['report', 'report.json']])
    expect(trace(rig.events)).toEqual([
      'step-started:triage',
      'warning:triage',
      'artifact-stored:triage',
      'step-succeeded:triage',
      'step-started:fix',
      'step-succeeded:fix',
    ])
    const started = rig.events.find(
      (event) => event.type === 'step-started' && event.step === 'fix',
    )
    expect(started).toMatchObject({ inputs: [{ as: 'facts', digest: stored[0]?.digest }] })
  })

  test('a long input is shown in part to an agent that can read the whole of it, and to others in full', async () => {
    const input = `first ${'x'.repeat(1_000_000)} last`
    const task = { text: '{{ input }}', location: { file: 'x', line: 1, column: 1 } }
    const run = async (runner: 'agent' | 'evidence', tools: readonly 'read'[]): Promise<string> => {
      let seen = ''
      const rig = startRig({
        plan: plan([{ id: 'a', task }], { planned: { a: { runner, tools } } }),
        provider: new MemoryWorkspaceProvider(),
        input,
        perform(context) {
          expect(context.input).toBe(input)
          seen = context.task
          return succeed()
        },
      })
      await rig.result
      return seen
    }
    expect(await run('agent', [])).toContain(input)
    expect(await run('evidence', ['read'])).toContain(input)
    const shown = await run('agent', ['read'])
    expect(shown.length).toBeLessThan(70_000)
    expect(shown).toMatch(
      /first x+\n\[… \d+ bytes left out …\]\nx+ last\n\[All of the input is at /,
    )
    expect(shown).toContain('/work/artifacts/_input')
  })

  test('AR-20 a missing artifact fails the attempt, and the next one is told why', async () => {
    const previous: unknown[] = []
    const rig = startRig({
      plan: plan([
        { id: 'a', artifacts: [sketchArtifact('report', 'output/report.md')], retry: retry(2) },
      ]),
      perform(context) {
        previous.push(context.previous)
        return context.attempt === 1
          ? succeed({}, { lastText: `${'x'.repeat(3000)}the end` })
          : succeed({ report: 'now' })
      },
    })
    await rig.clock.advance(5000)
    expect((await rig.result).outcome).toBe('completed')
    expect(previous[1]).toMatchObject({
      failure: { reason: 'artifact-missing', name: 'report' },
      problems: [expect.stringContaining('report')],
      lastText: expect.stringMatching(/^x{1993}the end$/),
    })
  })

  test('a broken contract fails the attempt; one that only warns does not', async () => {
    const contract = { type: 'non_empty_file', source: 'b', onFailure: 'warn' } as const
    const sections = { type: 'markdown_spec', source: 'a', sections: ['Summary'] } as const
    const artifacts = [
      sketchArtifact('a', 'a.md', { type: 'markdown' }),
      sketchArtifact('b', 'b.md', { required: false }),
    ]
    const contracts = [contract, { ...sections, maxUnresolved: 0, onFailure: undefined }]
    const run = (text: string) =>
      startRig({
        plan: plan([{ id: 's', artifacts, contracts }]),
        perform: () => succeed({ a: text }),
      })
    const good = run('# Summary\nAll fine.')
    expect(await good.result).toMatchObject({ outcome: 'completed' })
    expect(fold(good.events).steps.get('s')?.warnings).toHaveLength(1)
    const bad = await run('# Other\ntext').result
    expect(bad).toMatchObject({ outcome: 'failed', exitCode: 1 })
    expect(bad.state.steps.get('s')?.failure).toMatchObject({ reason: 'contract-failed' })
  })

  test('a runner can ask whether its candidates would be accepted', async () => {
    const answers: unknown[] = []
    const artifacts = [sketchArtifact('a', 'a.json', { type: 'json' })]
    const rig = startRig({
      plan: plan([{ id: 's', artifacts }]),
      async perform(context) {
        for (const text of ['{', '{}']) {
          answers.push(await context.check(new Map([['a', Buffer.from(text)]])))
        }
        return succeed({ a: '{}' })
      },
    })
    await rig.result
    expect(answers).toEqual([[expect.stringContaining('must be json')], []])
  })

  test('facts go to prompt steps that have a stand-in, in model mode only', async () => {
    const seen: string[] = []
    const run = async (mode: 'model' | 'evidence') =>
      startRig({
        plan: plan([{ id: 'a', standIn: 'triage' }, { id: 'b' }], { mode }),
        facts: Buffer.from('# Facts'),
        perform(context) {
          const names = context.inputs.map(({ as, origin }) => `${as} of ${origin}`)
          seen.push(`${mode} ${context.planned.step.id}: ${names.join()}`)
          return succeed()
        },
      }).result
    await run('model')
    await run('evidence')
    expect(seen).toEqual(['model a: _facts of wave', 'model b: ', 'evidence a: ', 'evidence b: '])
  })

  test('a template that cannot be rendered fails the step before its runner is asked', async () => {
    const location = { file: 'x', line: 1, column: 1 }
    const task = { text: '{{ input.field.deeper }}', location }
    const rig = startRig({
      plan: plan([{ id: 'a', task, retry: retry(3) }]),
      perform: () => expect.unreachable(),
    })
    const { state } = await rig.result
    expect(state.steps.get('a')).toMatchObject({
      attempt: 1,
      failure: { reason: 'template-failed' },
    })
  })
})

describe('workspaces', () => {
  const mount = { source: '.', target: '/src', mode: 'readwrite' } as const
  const patch = {
    baseTree: 't0',
    tree: 't1',
    text: Buffer.from('diff'),
    files: [{ path: 'a', status: 'added', added: 3, deleted: 1, verdict: 'plain' } as const],
  }

  test('artifacts left out are taken from the files, changes become a patch, then it is closed', async () => {
    const provider = new MemoryWorkspaceProvider({ patch })
    const closedAt: (boolean | undefined)[] = []
    const rig = startRig({
      plan: plan([{ id: 'fix', mount, artifacts: [sketchArtifact('report', 'output/r.md')] }]),
      provider,
      async perform(context) {
        const workspace = await context.workspace()
        await workspace.write('/work/output/r.md', Buffer.from('from the file'))
        return succeed()
      },
      onEvent(event) {
        if (event.type === 'step-succeeded') closedAt.push(provider.opened[0]?.closed)
      },
    })
    const step = (await rig.result).state.steps.get('fix')
    expect(step?.patch).toMatchObject({
      baseTree: 't0',
      tree: 't1',
      files: 1,
      added: 3,
      deleted: 1,
    })
    const artifact = step?.artifacts[0]
    expect(artifact && String(Buffer.from(rig.store.get(artifact)))).toBe('from the file')
    expect(closedAt).toEqual([false])
    expect(provider.opened.map(({ closed }) => closed)).toEqual([true])
  })

  test('it opens behind the first model call for steps with tools, and never for facts', async () => {
    const provider = new MemoryWorkspaceProvider()
    const opened: number[] = []
    const run = (runner: 'agent' | 'evidence', tools: readonly 'read'[]) =>
      startRig({
        plan: plan([{ id: 'a', mount }], { planned: { a: { runner, tools } } }),
        provider,
        perform: async () => {
          await settle()
          opened.push(provider.opened.length)
          return succeed()
        },
      }).result
    await run('evidence', ['read'])
    await run('agent', [])
    await run('agent', ['read'])
    expect(opened).toEqual([0, 0, 1])
    expect(provider.opened[0]).toMatchObject({ closed: true, spec: { step: 'a', attempt: 1 } })
  })

  test('an environment that is not ready fails the step with its code, without a retry', async () => {
    const provider = new MemoryWorkspaceProvider({
      beforeOpen: () => {
        throw new WaveError('image-missing', 'No image.', { hint: 'Build it.' })
      },
    })
    const rig = startRig({
      plan: plan([{ id: 'a', mount, retry: retry(3) }]),
      provider,
      perform: async (context) => {
        await context.workspace()
        return succeed()
      },
    })
    const result = await rig.result
    expect(result).toMatchObject({ outcome: 'failed', exitCode: 4 })
    expect(result.state.steps.get('a')?.failure).toEqual({
      reason: 'environment',
      code: 'image-missing',
      message: 'No image.',
      hint: 'Build it.',
    })
  })

  test('SB-22 a sandbox that dies is a failure that may be retried, in a fresh one', async () => {
    const provider = new MemoryWorkspaceProvider()
    const rig = startRig({
      plan: plan([{ id: 'a', mount, retry: retry(2) }]),
      provider,
      async perform(context) {
        await context.workspace()
        if (context.attempt === 1) throw new WorkspaceLost('workspace-lost', 'gone')
        return succeed()
      },
    })
    await rig.clock.advance(5000)
    expect((await rig.result).outcome).toBe('completed')
    expect(rig.events.find(({ type }) => type === 'step-failed')).toMatchObject({
      failure: { reason: 'workspace-lost', message: 'gone' },
      willRetry: true,
    })
    expect(provider.opened.map(({ spec, closed }) => [spec.attempt, closed])).toEqual([
      [1, true],
      [2, true],
    ])
  })

  test('a local view cannot take the place of a sandbox that must execute', async () => {
    const rig = startRig({
      plan: plan([{ id: 'a', mount }], { planned: { a: { executes: true, tools: ['bash'] } } }),
      provider: new MemoryWorkspaceProvider({ canExecute: false }),
      perform: async (context) => {
        await context.workspace()
        return succeed()
      },
    })
    expect(await rig.result).toMatchObject({ exitCode: 4 })
  })
})

describe('failures', () => {
  const chain: readonly StepSketch[] = [
    { id: 'bad' },
    { id: 'behind', dependencies: ['bad'] },
    { id: 'other' },
    { id: 'later', dependencies: ['other'] },
  ]
  test('retries wait on the clock, with the delay of the policy', async () => {
    const at: number[] = []
    const rig = startRig({
      plan: plan([{ id: 'a', retry: retry(4) }]),
      perform: (context) => {
        at.push(rig.clock.monotonicMs())
        const failure: StepFailure = { reason: 'stuck', pattern: `try ${context.attempt}` }
        return { status: 'failed', failure, usage: undefined }
      },
    })
    await rig.clock.advance(60_000)
    expect(await rig.result).toMatchObject({ outcome: 'failed', exitCode: 1 })
    expect(at).toEqual([0, 1000, 3000, 7000])
  })

  test('three identical failures in a row end retrying early', async () => {
    const rig = startRig({ plan: plan([{ id: 'a', retry: retry(9) }]), perform: () => stuck })
    await rig.clock.advance(600_000)
    expect((await rig.result).state.steps.get('a')?.attempt).toBe(3)
    const warnings = rig.events.flatMap((event) => (event.type === 'warning' ? event.message : []))
    expect(warnings).toEqual([
      'Not tried again, though 6 attempts are left: three failures in a row were the same.',
    ])
  })

  test('cancel_all kills running siblings and skips the rest', async () => {
    const steps = held()
    const rig = startRig({ plan: plan(chain), perform: steps.perform })
    await settle()
    await steps.end('bad', stuck)
    expect(await rig.result).toMatchObject({ outcome: 'failed', exitCode: 1 })
    const state = fold(rig.events)
    expect(statuses(rig.events)).toEqual({
      bad: 'failed',
      behind: 'skipped',
      other: 'failed',
      later: 'skipped',
    })
    expect(state.steps.get('other')?.failure).toEqual({ reason: 'cancelled' })
  })

  test('complete_running lets running siblings end and starts nothing new', async () => {
    const steps = held()
    const pipeline = { failurePolicy: 'complete_running' } as const
    const rig = startRig({ plan: plan(chain, { pipeline }), perform: steps.perform })
    await settle()
    await steps.end('bad', stuck)
    await steps.end('other')
    await rig.result
    expect(statuses(rig.events)).toMatchObject({ other: 'succeeded', later: 'skipped' })
  })

  test('continue starts everything that does not depend on the failed step', async () => {
    const pipeline = { failurePolicy: 'continue' } as const
    const rig = startRig({ plan: plan(chain, { pipeline }), perform: failing })
    expect(await rig.result).toMatchObject({ outcome: 'failed', exitCode: 1 })
    expect(statuses(rig.events)).toMatchObject({ behind: 'skipped', later: 'succeeded' })
  })

  test.each(['skip', 'continue'] as const)(
    'after on_failure: %s those that need the artifacts are skipped, others run, the run is partial',
    async (onFailure) => {
      const location = { file: 'x', line: 1, column: 1 }
      const artifacts = [sketchArtifact('x', 'x.txt')]
      const rig = startRig({
        plan: plan([
          { id: 'bad', retry: retry(1, onFailure), artifacts },
          {
            id: 'injects',
            dependencies: ['bad'],
            inject: [{ step: 'bad', artifact: 'x', as: 'x' }],
          },
          {
            id: 'names',
            dependencies: ['bad'],
            task: { text: '{{ steps.bad.artifacts.x }}', location },
          },
          { id: 'waits', dependencies: ['bad', 'injects'] },
        ]),
        perform: failing,
      })
      expect(await rig.result).toMatchObject({ outcome: 'partial', exitCode: 3 })
      expect(statuses(rig.events)).toEqual({
        bad: onFailure === 'skip' ? 'skipped' : 'failed',
        injects: 'skipped',
        names: 'skipped',
        waits: 'succeeded',
      })
    },
  )

  test('a contract that rejects ends the run as rejected, without a retry', async () => {
    const artifacts = [sketchArtifact('a', 'a.md', { type: 'markdown' })]
    const contract = { type: 'markdown_spec', source: 'a', sections: ['Go'] } as const
    const contracts = [{ ...contract, maxUnresolved: 0, onFailure: 'rejected' as const }]
    const rig = startRig({
      plan: plan([
        { id: 's', artifacts, contracts, retry: retry(3) },
        { id: 'behind', dependencies: ['s'] },
      ]),
      perform: () => succeed({ a: '# No\ntext' }),
    })
    expect(await rig.result).toMatchObject({ outcome: 'rejected', exitCode: 1 })
    expect(statuses(rig.events)).toEqual({ s: 'failed', behind: 'skipped' })
  })

  test('the exit code says what kind of failure ended the run', async () => {
    const model = { reason: 'model-error', class: 'auth', model: 'm', message: '401' } as const
    expect(await codeOf(model)).toBe(7)
    expect(await codeOf({ reason: 'limit-reached', limit: 'tokens', scope: 'run' })).toBe(5)
    expect(await codeOf({ reason: 'limit-reached', limit: 'turns', scope: 'step' })).toBe(5)
    expect(await codeOf({ reason: 'model-refused' })).toBe(1)
  })

  test.each<StepFailure>([
    ...['x', '界', '\u0001'].map((character) => ({
      reason: 'contract-failed' as const,
      name: 'c',
      problems: Array.from({ length: 1000 }, () => character.repeat(1000)),
    })),
    { reason: 'stuck', pattern: 'x'.repeat(100_000) },
  ])('a failure with endless text still fits into the journal %#', async (failure) => {
    const outcome: StepOutcome = { status: 'failed', failure, usage: undefined }
    const rig = startRig({ plan: plan([{ id: 'a' }]), perform: () => outcome })
    expect(await rig.result).toMatchObject({ outcome: 'failed' })
  })

  test('a step with a thousand inputs still fits into the journal', async () => {
    const parts = Array.from({ length: 1000 }, (_, index) => ({
      id: `part-${index}`,
      artifacts: [sketchArtifact('report', 'report.md')],
    }))
    const ids = parts.map(({ id }) => id)
    const inject = ids.map((step) => ({ step, artifact: 'report', as: step, optional: false }))
    const rig = startRig({
      plan: plan([...parts, { id: 'all', dependencies: ids, inject }]),
      perform: ({ planned }) => succeed(planned.step.id === 'all' ? {} : { report: 'A part.' }),
    })
    expect(await rig.result).toMatchObject({ outcome: 'completed' })
  })

  test('a bug in a runner ends the run, closes what is open, and is thrown', async () => {
    const provider = new MemoryWorkspaceProvider()
    const rig = startRig({
      plan: plan([{ id: 'a', mount: { source: '.', target: '/src', mode: 'readonly' } }]),
      provider,
      perform: async (context) => {
        await context.workspace()
        throw new TypeError('undefined is not a function')
      },
    })
    await expect(rig.result).rejects.toThrow('undefined is not a function')
    expect(provider.opened[0]?.closed).toBe(true)
  })

  test('a workspace that cannot be closed before a retry is a warning, not the end of the run', async () => {
    const rig = startRig({
      plan: plan([{ id: 'a', mount: READONLY, retry: retry(2) }]),
      provider: unclosable(),
      perform: async (context) => {
        await context.workspace()
        return context.attempt === 1 ? stuck : succeed()
      },
    })
    await rig.clock.advance(5000)
    expect(await rig.result).toMatchObject({ outcome: 'completed' })
    const warnings = fold(rig.events).steps.get('a')?.warnings
    const told = 'The workspace could not be closed: the engine is gone'
    expect(warnings).toEqual([told, told])
  })

  test('a bug is told also when its workspace cannot be closed', async () => {
    const rig = startRig({
      plan: plan([{ id: 'a', mount: READONLY }]),
      provider: unclosable(),
      perform: async (context) => {
        await context.workspace()
        throw new TypeError('undefined is not a function')
      },
    })
    await expect(rig.result).rejects.toThrow('undefined is not a function')
  })

  test('a journal that fails ends the run with its error, also for steps that run beside it', async () => {
    const failed = new WaveError('journal-write-failed', 'no room')
    class FullJournal extends MemoryJournal {
      override append(event: NewRunEvent): RunEvent {
        if (event.type === 'warning') throw failed
        return super.append(event)
      }
    }
    const aborted: string[] = []
    const rig = startRig({
      plan: plan([{ id: 'a' }, { id: 'b' }]),
      journal: new FullJournal(new ManualClock()),
      perform: async (context) => {
        const { id } = context.planned.step
        if (id === 'a') context.emit({ type: 'warning', step: 'a', message: 'full' })
        await new Promise<void>((resolve) => {
          context.signal.addEventListener('abort', () => resolve())
        })
        aborted.push(id)
        return stuck
      },
    })
    await expect(rig.result).rejects.toBe(failed)
    expect(aborted).toEqual(['b'])
  })
})

describe('limits and cancelling', () => {
  test('an attempt that takes too long is ended, and the runner sees why', async () => {
    let reason: unknown
    const rig = startRig({
      plan: plan([{ id: 'a', timeoutMs: 1000 }]),
      perform: (context) =>
        new Promise((resolve) => {
          context.signal.addEventListener('abort', () => {
            reason = context.signal.reason
            resolve(stuck)
          })
        }),
    })
    await rig.clock.advance(1000)
    const timeout = { reason: 'limit-reached', limit: 'time', scope: 'step', allowed: 1000 }
    expect(await rig.result).toMatchObject({ outcome: 'failed', exitCode: 5 })
    expect(reason).toEqual(timeout)
    expect(fold(rig.events).steps.get('a')?.failure).toEqual(timeout)
  })

  test('a runner that does not listen cannot hold up the run', async () => {
    let late: StepContext | undefined
    const rig = startRig({
      plan: plan([{ id: 'a', timeoutMs: 1000 }]),
      perform: (context) => {
        late = context
        return new Promise(() => {})
      },
    })
    await rig.clock.advance(20_000)
    expect(await rig.result).toMatchObject({ exitCode: 5 })
    expect(() => late?.emit({ type: 'warning', step: 'a', message: 'late' })).toThrow(
      'after the end',
    )
  })

  test('the minutes of the run end it with exit code 5, after two warnings; the rest stays pending', async () => {
    const steps = held()
    const rig = startRig({
      plan: plan([{ id: 'a' }, { id: 'b', dependencies: ['a'] }], { limits: { minutes: 10 } }),
      perform: steps.perform,
    })
    await rig.clock.advance(600_000)
    expect(await rig.result).toMatchObject({ outcome: 'failed', exitCode: 5 })
    const shares = rig.events.flatMap((event) =>
      event.type === 'limit-warning' ? event.share : [],
    )
    expect(shares).toEqual([0.8, 0.95])
    expect(statuses(rig.events)).toEqual({ a: 'failed', b: 'pending' })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s ends the run as cancelled with exit code %i', async (name, exitCode) => {
    const steps = held()
    const rig = startRig({
      plan: plan([
        { id: 'a', retry: retry(5) },
        { id: 'b', dependencies: ['a'] },
      ]),
      perform: steps.perform,
    })
    await settle()
    rig.cancel(name)
    expect(await rig.result).toMatchObject({ outcome: 'cancelled', exitCode })
    expect(statuses(rig.events)).toEqual({ a: 'failed', b: 'pending' })
    expect(fold(rig.events).steps.get('a')?.failure).toEqual({ reason: 'cancelled' })
  })

  test('minutes that end while the last workspace is closing take nothing back', async () => {
    const closed = Promise.withResolvers<void>()
    const rig = startRig({
      plan: plan([{ id: 'a', mount: READONLY }], { limits: { minutes: 1 } }),
      provider: closing(() => closed.promise),
      perform: async (context) => {
        await context.workspace()
        return succeed()
      },
    })
    await rig.clock.advance(60_000)
    closed.resolve()
    expect(await rig.result).toMatchObject({ outcome: 'completed', exitCode: 0 })
  })

  test('cancelling during the pause before a retry does not wait for it', async () => {
    const rig = startRig({ plan: plan([{ id: 'a', retry: retry(5) }]), perform: () => stuck })
    await rig.clock.advance(500)
    rig.cancel()
    expect(await rig.result).toMatchObject({ outcome: 'cancelled', exitCode: 130 })
  })

  test('a run that is cancelled before it starts does nothing', async () => {
    const rig = startRig({
      plan: plan([{ id: 'a' }]),
      signal: AbortSignal.abort('SIGINT'),
      perform: () => expect.unreachable(),
    })
    expect(await rig.result).toMatchObject({ exitCode: 130 })
  })

  test('the money of the run is shared by its steps', async () => {
    const answers: unknown[] = []
    const rig = startRig({
      plan: plan([{ id: 'a' }, { id: 'b', dependencies: ['a'] }], { limits: { usd: 1 } }),
      perform(context) {
        answers.push(context.budget.reserve({ tokens: 0, usd: 0.8 }))
        if (context.planned.step.id === 'a') context.budget.settle({ tokens: 0, usd: 0.8 })
        return succeed()
      },
    })
    await rig.result
    expect(answers).toMatchObject([undefined, { limit: 'usd', allowed: 1, needed: 1.6 }])
  })
})

describe('the end', () => {
  const verdict = { step: 'a', artifact: 'finding', field: 'verdict' }
  const artifacts = [sketchArtifact('finding', 'finding.json', { type: 'json' })]
  const withVerdict = (text: string, more: Partial<Parameters<typeof startRig>[0]> = {}) =>
    startRig({
      plan: plan([{ id: 'a', artifacts }], { pipeline: { verdict } }),
      perform: () => succeed({ finding: text }),
      ...more,
    }).result

  test('the verdict decides whether the run is complete', async () => {
    expect(await withVerdict('{"verdict":"likely"}')).toMatchObject({
      verdict: 'likely',
      outcome: 'completed',
      exitCode: 0,
    })
    expect(await withVerdict('{"verdict":"inconclusive"}')).toMatchObject({
      outcome: 'partial',
      exitCode: 3,
    })
    expect(await withVerdict('{"verdict":"perhaps"}')).toMatchObject({
      verdict: undefined,
      outcome: 'partial',
      exitCode: 3,
    })
    const lenient = await withVerdict('{"verdict":"inconclusive"}', { inconclusiveOk: true })
    expect(lenient).toMatchObject({ outcome: 'partial', exitCode: 0 })
  })

  test('a stored artifact that was damaged ends the run with a warning, not without an end', async () => {
    class Damaged extends MemoryArtifactStore {
      override get(): Uint8Array {
        throw new WaveError('journal-refused', 'The stored artifact was changed.')
      }
    }
    const rig = startRig({
      plan: plan([{ id: 'a', artifacts: [sketchArtifact('report', 'report.md')] }], {
        pipeline: { verdict: { step: 'a', artifact: 'report', field: 'verdict' } },
      }),
      store: new Damaged(),
      perform: () => succeed({ report: 'Verdict: likely' }),
    })
    expect(await rig.result).toMatchObject({ outcome: 'partial', exitCode: 3, verdict: undefined })
    expect(fold(rig.events).steps.get('a')?.warnings).toEqual([
      'The verdict cannot be read: The stored artifact was changed.',
    ])
  })

  test('without a source a runner’s own verdict counts', async () => {
    const rig = startRig({
      plan: plan([{ id: 'a' }]),
      perform: () => succeed({}, { verdict: 'inconclusive' }),
    })
    expect(await rig.result).toMatchObject({ verdict: 'inconclusive', exitCode: 3 })
  })

  test('outputs of completed steps are delivered, also after a failure, leaves marked', async () => {
    const root = mkdtempSync(join(tmpdir(), 'wave-run-'))
    const rig = startRig({
      plan: plan([
        { id: 'a', artifacts: [sketchArtifact('one', 'output/one.md')] },
        {
          id: 'b',
          dependencies: ['a'],
          artifacts: [sketchArtifact('two', 'output/two.md')],
        },
        { id: 'c', dependencies: ['b'], artifacts: [sketchArtifact('three', 'output/three.md')] },
      ]),
      projectRoot: root,
      perform: ({ planned: { step } }) =>
        step.id === 'c' ? stuck : succeed({ one: 'eins', two: 'zwei' }),
    })
    const result = await rig.result
    expect(result.outcome).toBe('failed')
    expect(result.delivered).toEqual([
      { step: 'b', name: 'two', path: 'output/two.md', leaf: true },
      { step: 'a', name: 'one', path: 'output/one.md', leaf: false },
    ])
    expect(readFileSync(join(root, 'output/two.md'), 'utf8')).toBe('zwei')
    expect(rig.events.at(-1)).toMatchObject({ type: 'run-finished', delivered: result.delivered })
    rmSync(root, { recursive: true })
  })

  test('outputs that cannot be delivered make the run partial with exit code 4, and say where they are', async () => {
    const rig = startRig({
      plan: plan([{ id: 'a', artifacts: [sketchArtifact('one', 'output/one.md')] }]),
      projectRoot: '/dev/null',
      perform: () => succeed({ one: 'eins' }),
    })
    const result = await rig.result
    expect(result).toMatchObject({ outcome: 'partial', exitCode: 4, delivered: [] })
    expect(result.problems[0]).toContain('kept in')
  })

  test('the journal alone tells the same state', async () => {
    const rig = startRig({ plan: plan([{ id: 'a' }, { id: 'b', dependencies: ['a'] }]) })
    const { state } = await rig.result
    expect(fold(rig.journal.events)).toEqual(state)
    expect(state.finished).toMatchObject({ outcome: 'completed', exitCode: 0, costUsd: 0 })
  })

  test('a run on disk leaves a journal and a store that tell all of it', async () => {
    const root = mkdtempSync(join(tmpdir(), 'wave-run-'))
    const folder = openRunFolder(runsFolder(root), 'r1', new ManualClock())
    const { journal, store } = folder
    const rig = startRig({
      plan: plan([{ id: 'a', artifacts: [sketchArtifact('one', 'notes/one.md')] }]),
      projectRoot: root,
      journal,
      store,
      perform: () => succeed({ one: 'eins' }),
    })
    const { state } = await rig.result
    folder[Symbol.dispose]()
    const read = readJournal(journalPath(findRun(runsFolder(root), 'last')))
    expect(fold(read.events)).toEqual(state)
    const [artifact] = state.steps.get('a')?.artifacts ?? []
    expect(artifact && String(store.get(artifact))).toBe('eins')
    expect(state.started && String(store.get(state.started.input))).toBe('the input')
    rmSync(root, { recursive: true })
  })

  test('JSON input is parsed before anything starts', async () => {
    const input = { source: 'cli', type: 'json', example: undefined } as const
    const rig = startRig({ plan: plan([{ id: 'a' }], { pipeline: { input } }), input: '{' })
    await expect(rig.result).rejects.toMatchObject({ code: 'usage' })
    expect(rig.events).toEqual([])
  })
})
