/** Trees that steps hand on, and what `wave apply` makes of them: commands on a real engine, no model. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'

const ENV = { ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }) }
const WRITE = { mount: [{ source: './', target: '/src', mode: 'readwrite' }] }
const LINES = Array.from({ length: 30 }, (_, at) => `line ${at + 1}\n`).join('')

const command = (id: string, script: string, more: object = {}): object => ({
  id,
  type: 'command',
  script: `set -e; ${script}`,
  workspace: WRITE,
  ...more,
})

/** Goes on from the tree that another step left. */
const from = (step: string): object => ({ dependencies: [step], workspace: { ref: step } })

const pipeline = (name: string, steps: readonly object[]): string =>
  JSON.stringify({ kind: 'WavePipeline', metadata: { name }, failure_policy: 'continue', steps })

/** Runs it in a project with these files, which it leaves as they are. */
async function run(
  sandbox: Sandbox,
  steps: readonly object[],
  files: Readonly<Record<string, string>>,
): Promise<CliResult> {
  for (const [path, content] of Object.entries(files)) sandbox.write(path, content)
  sandbox.write('.wave/pipelines/trees.yaml', pipeline('trees', steps))
  sandbox.initGit()
  const before = sandbox.fingerprint(['.git', '.wave', 'output'])
  const ended = await sandbox.wave(['run', 'trees'], { env: ENV })
  expect(sandbox.fingerprint(['.git', '.wave', 'output'])).toEqual(before)
  return ended
}

const apply = (sandbox: Sandbox): Promise<CliResult> =>
  sandbox.wave(['apply', 'last', '--yes'], { env: ENV })

const WELL = { exitCode: 0, stdout: expect.any(String), stderr: '' }

/** A part of one run, with files of its own, so that it can neither help nor hinder the others. */
interface Part {
  readonly title: string
  readonly steps: readonly object[]
  /** What applying makes of its files; undefined: there is none. */
  readonly files: Readonly<Record<string, string | undefined>>
}

const PARTS: readonly Part[] = [
  {
    title: 'a chain of steps goes on from tree to tree, and apply makes all of it',
    steps: [
      command('one', 'echo one >> chain.txt'),
      command(
        'two',
        'grep -q one chain.txt; echo two >> chain.txt; echo new > new.txt',
        from('one'),
      ),
      command('three', 'grep -q two chain.txt; rm new.txt; echo three >> chain.txt', from('two')),
      command('apart', '! grep -q one chain.txt; echo apart > apart.txt', {
        dependencies: ['three'],
      }),
    ],
    files: {
      'chain.txt': 'start\none\ntwo\nthree\n',
      'apart.txt': 'apart\n',
      'new.txt': undefined,
    },
  },
  {
    title: 'items that follow each other go on from their own tree, and a later step from the last',
    steps: [
      command('each', 'echo "item $(cat $WAVE_ITEM_FILE)" >> items.txt', {
        iterate: { over: '[1, 2, 3]', mode: 'sequential' },
      }),
      command('after', 'grep -q "item 3" items.txt; echo after >> items.txt', from('each')),
    ],
    files: { 'items.txt': 'start\nitem 1\nitem 2\nitem 3\nafter\n' },
  },
  {
    title: 'rounds of a loop go on from their own tree, items in them as well',
    steps: [
      loop('rounds', 3, [
        command('more', 'echo "round {{ iteration }}" >> rounds.txt'),
        command('within', 'echo "$(cat $WAVE_ITEM_FILE)" >> of-rounds.txt', {
          iterate: { over: '[1, 2]', mode: 'sequential' },
        }),
      ]),
    ],
    files: {
      'rounds.txt': 'start\nround 1\nround 2\nround 3\n',
      'of-rounds.txt': '1\n2\n1\n2\n1\n2\n',
    },
  },
  {
    title:
      'items side by side each start from the same tree; new files and different lines of one file ' +
      'are applied together',
    steps: [
      command(
        'beside',
        '! ls beside-*.txt 2>/dev/null; i=$(cat $WAVE_ITEM_FILE); echo $i > beside-$i.txt; ' +
          'sed -i "s/^line $i\\$/item $i/" beside.txt',
        { iterate: { over: '[3, 15, 27]', mode: 'parallel' } },
      ),
      command('behind', 'grep -q "line 27" beside.txt; sed -i "s/^line 9$/after/" beside.txt', {
        dependencies: ['beside'],
      }),
    ],
    files: {
      'beside-3.txt': '3\n',
      'beside-15.txt': '15\n',
      'beside-27.txt': '27\n',
      'beside.txt': linesWith({ 3: 'item 3', 9: 'after', 15: 'item 15', 27: 'item 27' }),
    },
  },
  {
    title:
      'a called pipeline starts from the tree of its caller; chains in pipelines that are called ' +
      'side by side are applied together',
    steps: [
      { id: 'left', pipeline: 'child', input: '3' },
      command('caller', 'sed -i "s/^line 27$/line that caller left/" called.txt'),
      { id: 'right', pipeline: 'child', input: 'that caller left', ...from('caller') },
    ],
    files: { 'called.txt': linesWith({ 3: 'second', 27: 'second' }) },
  },
  {
    title: 'a loop goes on from what items side by side made together',
    steps: [
      loop('together', 2, [
        command('own', 'i=$(cat $WAVE_ITEM_FILE); echo round >> own-$i.txt', {
          iterate: { over: '[1, 2]', mode: 'parallel' },
        }),
      ]),
    ],
    files: { 'own-1.txt': 'round\nround\n', 'own-2.txt': 'round\nround\n' },
  },
  {
    title: 'a repair goes on from what the failed step left, and is part of its patch',
    steps: [
      command('fix', 'echo broken >> fix.txt', repairedBy('mend', 'grep -q mended fix.txt')),
      command(
        'mend',
        'grep -q broken fix.txt; test -s $WAVE_ARTIFACT_FAILURE; echo mended >> fix.txt',
        { rework_only: true },
      ),
      command('fixed', 'grep -q mended fix.txt; echo after >> fix.txt', from('fix')),
    ],
    files: { 'fix.txt': 'start\nbroken\nmended\nafter\n' },
  },
  {
    title: 'each item is repaired by itself',
    steps: [
      command('break', 'i=$(cat $WAVE_ITEM_FILE); echo broken > item-$i.txt', {
        iterate: { over: '[1, 2]', mode: 'parallel' },
        ...repairedBy('mend-each', 'grep -q mended item-*.txt'),
      }),
      command(
        'mend-each',
        'i=$(cat $WAVE_ITEM_FILE); grep -q broken item-$i.txt; echo mended > item-$i.txt',
        { rework_only: true },
      ),
    ],
    files: { 'item-1.txt': 'mended\n', 'item-2.txt': 'mended\n' },
  },
]

const CHILD = [
  command(
    'first',
    'place="line $(cat $WAVE_INPUT_FILE)"; grep -qx "$place" called.txt; ' +
      'sed -i "s/^$place\\$/first/" called.txt',
  ),
  command('second', 'sed -i "s/^first$/second/" called.txt', from('first')),
]

describeDocker('trees', () => {
  describe('of one run', () => {
    let sandbox: Sandbox
    let ended: CliResult
    let applied: CliResult

    beforeAll(async () => {
      sandbox = new Sandbox()
      sandbox.write('.wave/pipelines/child.yaml', pipeline('child', CHILD))
      const logs = ['chain.txt', 'items.txt', 'rounds.txt', 'fix.txt'].map((path) => [
        path,
        'start\n',
      ])
      const files = { ...Object.fromEntries(logs), 'beside.txt': LINES, 'called.txt': LINES }
      const steps = PARTS.flatMap((part) => part.steps)
      ended = await run(sandbox, steps, files)
      applied = await apply(sandbox)
    }, 240_000)
    afterAll(() => sandbox[Symbol.dispose]())

    test('all of its steps succeed, and all that they changed is applied', () => {
      expect(ended).toEqual(WELL)
      expect(applied).toEqual(WELL)
    })

    test.each(PARTS)('$title', ({ files }) => {
      expect(Object.fromEntries(Object.keys(files).map((path) => [path, found(path)]))).toEqual(
        files,
      )
    })

    function found(path: string): string | undefined {
      return sandbox.fingerprint()[path] === undefined ? undefined : sandbox.read(path)
    }
  })

  test('items side by side that changed one line are refused as a whole', async () => {
    using sandbox = new Sandbox()
    const script =
      'i=$(cat $WAVE_ITEM_FILE); sed -i "s/line 7/item $i/" lines.txt; echo $i > own-$i.txt'
    const each = command('each', script, { iterate: { over: '[1, 2]', mode: 'parallel' } })
    const ended = await run(sandbox, [each], { 'lines.txt': LINES })
    expect(ended.exitCode).toBe(0)
    expect(ended.stdout).toContain('each[2] do not go together with those before it: lines.txt')
    const before = sandbox.fingerprint(['.git', '.wave'])
    const refused = await apply(sandbox)
    expect(refused.exitCode).toBe(6)
    expect(refused.stderr).toContain(
      'lines.txt has lines that two change differently (each[1], each[2])',
    )
    expect(sandbox.fingerprint(['.git', '.wave'])).toEqual(before)
  })

  test('a fan-out that failed hands nothing over, one that may lose items hands over the others', async () => {
    using sandbox = new Sandbox()
    const script = 'i=$(cat $WAVE_ITEM_FILE); echo $i > $WAVE_STEP-$i.txt; [ $i != 2 ]'
    const list = { over: '[1, 2]', mode: 'parallel' }
    const ended = await run(
      sandbox,
      [
        command('most', script.replace('$WAVE_STEP', 'most'), {
          iterate: { ...list, on_failure: 'continue' },
        }),
        command('all', script.replace('$WAVE_STEP', 'all'), {
          dependencies: ['most'],
          iterate: list,
        }),
      ],
      {},
    )
    expect(ended.exitCode).toBe(1)
    expect(ended.stdout).toContain('\nChanges: 1 file (+1 -0); apply with')
    expect(await apply(sandbox)).toEqual(WELL)
    expect(sandbox.read('most-1.txt')).toBe('1\n')
    for (const gone of ['most-2.txt', 'all-1.txt', 'all-2.txt'])
      expect(() => sandbox.read(gone)).toThrow('ENOENT')
  })
})

function loop(id: string, rounds: number, steps: readonly object[]): object {
  return { id, loop: { max_iterations: rounds, until: `iteration >= ${rounds}`, steps } }
}

function repairedBy(step: string, check: string): object {
  return {
    retry: { on_failure: 'rework', rework_step: step },
    handover: { contract: { type: 'test_suite', command: check } },
  }
}

function linesWith(changed: Readonly<Record<number, string>>): string {
  const lines = LINES.split('\n')
  return lines.map((line, at) => changed[at + 1] ?? line).join('\n')
}
