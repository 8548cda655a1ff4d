/** Trees that steps hand on, and what `wave apply` makes of them: commands on a real engine, no model. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'

const ENV = { ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }) }
const WRITE = { mount: [{ source: './', target: '/src', mode: 'readwrite' }] }

const command = (id: string, script: string, more: object = {}): object => ({
  id,
  type: 'command',
  script: `set -e; ${script}`,
  workspace: WRITE,
  ...more,
})

/** A project with this pipeline in it, and a log that every step may write to. */
async function run(sandbox: Sandbox, steps: readonly object[], top: object = {}) {
  sandbox.write('log.txt', 'start\n')
  sandbox.write('lines.txt', Array.from({ length: 30 }, (_, at) => `line ${at + 1}\n`).join(''))
  sandbox.initGit()
  const pipeline = { kind: 'WavePipeline', metadata: { name: 'trees' }, ...top, steps }
  sandbox.write('.wave/pipelines/trees.yaml', JSON.stringify(pipeline))
  const before = sandbox.fingerprint(['.git', '.wave', 'output'])
  const result = await sandbox.wave(['run', 'trees'], { env: ENV })
  expect(sandbox.fingerprint(['.git', '.wave', 'output'])).toEqual(before)
  const runs = readdirSync(`${sandbox.project}/.wave/runs`, { withFileTypes: true })
  const id = runs.find((entry) => entry.isDirectory())?.name ?? ''
  return { ...result, apply: () => sandbox.wave(['apply', id, '--yes'], { env: ENV }) }
}

const said = { stdout: expect.any(String), stderr: '' }

describeDocker('trees', () => {
  test('a chain of steps goes on from tree to tree, and apply makes all of it', async () => {
    using sandbox = new Sandbox()
    const { apply, ...ended } = await run(sandbox, [
      command('one', 'echo one >> log.txt'),
      command('two', 'grep -q one log.txt; echo two >> log.txt; echo new > new.txt', {
        dependencies: ['one'],
        workspace: { ref: 'one' },
      }),
      command('three', 'grep -q two log.txt; rm new.txt; echo three >> log.txt', {
        dependencies: ['two'],
        workspace: { ref: 'two' },
      }),
      command('apart', '! grep -q one log.txt; echo apart > apart.txt', {
        dependencies: ['three'],
      }),
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('log.txt')).toBe('start\none\ntwo\nthree\n')
    expect(sandbox.read('apart.txt')).toBe('apart\n')
    expect(() => sandbox.read('new.txt')).toThrow('ENOENT')
  })

  test('items that follow each other go on from their own tree, and a later step from the last', async () => {
    using sandbox = new Sandbox()
    const { apply, ...ended } = await run(sandbox, [
      command('each', 'echo "item $(cat $WAVE_ITEM_FILE)" >> log.txt', {
        iterate: { over: '[1, 2, 3]', mode: 'sequential' },
      }),
      command('after', 'grep -q "item 3" log.txt; echo after >> log.txt', {
        dependencies: ['each'],
        workspace: { ref: 'each' },
      }),
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('log.txt')).toBe('start\nitem 1\nitem 2\nitem 3\nafter\n')
  })

  test('rounds of a loop go on from their own tree, items in them as well', async () => {
    using sandbox = new Sandbox()
    const body = [
      command('more', 'echo "round {{ iteration }}" >> log.txt'),
      command('each', 'echo "$(cat $WAVE_ITEM_FILE)" >> items.txt', {
        iterate: { over: '[1, 2]', mode: 'sequential' },
      }),
    ]
    const { apply, ...ended } = await run(sandbox, [
      { id: 'rounds', loop: { max_iterations: 3, until: 'iteration >= 3', steps: body } },
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('log.txt')).toBe('start\nround 1\nround 2\nround 3\n')
    expect(sandbox.read('items.txt')).toBe('1\n2\n1\n2\n1\n2\n')
  })

  test('items side by side each start from the same tree; what they changed apart is applied together', async () => {
    using sandbox = new Sandbox()
    const script = '! ls item-*.txt 2>/dev/null; i=$(cat $WAVE_ITEM_FILE); echo $i > item-$i.txt'
    const { apply, ...ended } = await run(sandbox, [
      command('each', script, { iterate: { over: '[1, 2, 3]', mode: 'parallel' } }),
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    for (const item of [1, 2, 3]) expect(sandbox.read(`item-${item}.txt`)).toBe(`${item}\n`)
  })

  test('items side by side that changed one line are refused as a whole', async () => {
    using sandbox = new Sandbox()
    const script =
      'i=$(cat $WAVE_ITEM_FILE); sed -i "s/line 7/item $i/" lines.txt; echo $i > own-$i.txt'
    const { apply, ...ended } = await run(sandbox, [
      command('each', script, { iterate: { over: '[1, 2]', mode: 'parallel' } }),
    ])
    expect(ended.exitCode).toBe(0)
    expect(ended.stdout).toContain('each[2] do not go together with those before it: lines.txt')
    const before = sandbox.fingerprint(['.git', '.wave'])
    const refused = await apply()
    expect(refused.exitCode).toBe(6)
    expect(refused.stderr).toContain(
      'lines.txt has lines that two change differently (each[1], each[2])',
    )
    expect(sandbox.fingerprint(['.git', '.wave'])).toEqual(before)
  })

  test('items side by side that changed different lines of one file are applied together', async () => {
    using sandbox = new Sandbox()
    const script = 'i=$(cat $WAVE_ITEM_FILE); sed -i "s/^line $i\\$/item $i/" lines.txt'
    const { apply, ...ended } = await run(sandbox, [
      command('each', script, { iterate: { over: '[3, 15, 27]', mode: 'parallel' } }),
      command('after', 'grep -q "line 27" lines.txt; sed -i "s/^line 9$/after/" lines.txt', {
        dependencies: ['each'],
      }),
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    const changed = sandbox.read('lines.txt').split('\n')
    expect([2, 14, 26, 8, 0].map((at) => changed[at])).toEqual([
      'item 3',
      'item 15',
      'item 27',
      'after',
      'line 1',
    ])
  })

  test('chains in pipelines that are called side by side are applied together', async () => {
    using sandbox = new Sandbox()
    const child = {
      kind: 'WavePipeline',
      metadata: { name: 'child' },
      steps: [
        command('first', 'sed -i "s/^line $(cat $WAVE_INPUT_FILE)\\$/first/" lines.txt'),
        command('second', 'sed -i "s/^first$/second/" lines.txt', {
          dependencies: ['first'],
          workspace: { ref: 'first' },
        }),
      ],
    }
    sandbox.write('.wave/pipelines/child.yaml', JSON.stringify(child))
    const { apply, ...ended } = await run(sandbox, [
      { id: 'left', pipeline: 'child', input: '3' },
      { id: 'right', pipeline: 'child', input: '27' },
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    const changed = sandbox.read('lines.txt').split('\n')
    expect([2, 26].map((at) => changed[at])).toEqual(['second', 'second'])
  })

  test('a fan-out that failed hands nothing over, one that may lose items hands over the others', async () => {
    using sandbox = new Sandbox()
    const script = 'i=$(cat $WAVE_ITEM_FILE); echo $i > $WAVE_STEP-$i.txt; [ $i != 2 ]'
    const list = { over: '[1, 2]', mode: 'parallel' }
    const { apply, ...ended } = await run(sandbox, [
      command('most', script.replace('$WAVE_STEP', 'most'), {
        iterate: { ...list, on_failure: 'continue' },
      }),
      command('all', script.replace('$WAVE_STEP', 'all'), {
        dependencies: ['most'],
        iterate: list,
      }),
    ])
    expect(ended.exitCode).toBe(1)
    expect(ended.stdout).toContain('\nChanges: 1 file (+1 -0); apply with')
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('most-1.txt')).toBe('1\n')
    for (const gone of ['most-2.txt', 'all-1.txt', 'all-2.txt'])
      expect(() => sandbox.read(gone)).toThrow('ENOENT')
  })

  test('a loop goes on from what items side by side made together', async () => {
    using sandbox = new Sandbox()
    const script = 'i=$(cat $WAVE_ITEM_FILE); echo round >> own-$i.txt'
    const body = command('each', script, {
      iterate: { over: '[1, 2]', mode: 'parallel' },
    })
    const { apply, ...ended } = await run(sandbox, [
      { id: 'rounds', loop: { max_iterations: 2, until: 'iteration >= 2', steps: [body] } },
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    for (const item of [1, 2]) expect(sandbox.read(`own-${item}.txt`)).toBe('round\nround\n')
  })

  test('a repair goes on from what the failed step left, and is part of its patch', async () => {
    using sandbox = new Sandbox()
    const { apply, ...ended } = await run(sandbox, [
      command('fix', 'echo broken >> log.txt', {
        retry: { on_failure: 'rework', rework_step: 'mend' },
        handover: { contract: { type: 'test_suite', command: 'grep -q mended log.txt' } },
      }),
      command(
        'mend',
        'grep -q broken log.txt; test -s $WAVE_ARTIFACT_FAILURE; echo mended >> log.txt',
        {
          rework_only: true,
        },
      ),
      command('after', 'grep -q mended log.txt; echo after >> log.txt', {
        dependencies: ['fix'],
        workspace: { ref: 'fix' },
      }),
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('log.txt')).toBe('start\nbroken\nmended\nafter\n')
  })

  test('each item is repaired by itself', async () => {
    using sandbox = new Sandbox()
    const { apply, ...ended } = await run(sandbox, [
      command('fix', 'i=$(cat $WAVE_ITEM_FILE); echo broken > item-$i.txt', {
        iterate: { over: '[1, 2]', mode: 'parallel' },
        retry: { on_failure: 'rework', rework_step: 'mend' },
        handover: { contract: { type: 'test_suite', command: 'grep -q mended item-*.txt' } },
      }),
      command(
        'mend',
        'i=$(cat $WAVE_ITEM_FILE); grep -q broken item-$i.txt; echo mended > item-$i.txt',
        {
          rework_only: true,
        },
      ),
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('item-1.txt')).toBe('mended\n')
    expect(sandbox.read('item-2.txt')).toBe('mended\n')
  })

  test('a called pipeline starts from the tree of its caller', async () => {
    using sandbox = new Sandbox()
    const child = {
      kind: 'WavePipeline',
      metadata: { name: 'child' },
      steps: [
        command('first', 'grep -q one log.txt; echo first >> log.txt'),
        command('second', 'grep -q first log.txt; echo second >> log.txt', {
          dependencies: ['first'],
          workspace: { ref: 'first' },
        }),
      ],
    }
    sandbox.write('.wave/pipelines/child.yaml', JSON.stringify(child))
    const { apply, ...ended } = await run(sandbox, [
      command('one', 'echo one >> log.txt'),
      { id: 'call', pipeline: 'child', dependencies: ['one'], workspace: { ref: 'one' } },
    ])
    expect(ended).toEqual({ exitCode: 0, ...said })
    expect(await apply()).toEqual({ exitCode: 0, ...said })
    expect(sandbox.read('log.txt')).toBe('start\none\nfirst\nsecond\n')
  })
})
