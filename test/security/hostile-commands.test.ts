/** Commands that will not end, fill what they can reach, or fight whoever ends them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WorkspaceLost, type FileResult, type Workspace } from '../../packages/core/src/index.ts'
import type { ScriptedReply } from '../../packages/core/src/testing/scripted-model.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'
import { killContainer, runAgent } from './support/run-steps.ts'
import { toolProcesses } from './support/tool-processes.ts'

const MIB = 2 ** 20
/** Never ends, and takes every process there is. */
const BOMB = `python3 -c '
import os
while True:
    try:
        os.fork()
    except OSError:
        pass'`
const FOREVER = (signal: string) => `python3 -c '
import os, signal
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            os.kill(-1, signal.${signal})
        except OSError:
            pass'`

/** Stops the channel's process and takes its place. */
const impostor = (answer: string) => `python3 -c '
import glob, os, signal, sys
for path in glob.glob("/proc/[0-9]*"):
    try:
        if b"IFS= read -r -u 4" not in open(path + "/cmdline", "rb").read(): continue
    except OSError: continue
    os.kill(int(path[6:]), signal.SIGSTOP)
    requests, answers = os.open(path + "/fd/4", os.O_RDONLY), os.open(path + "/fd/3", os.O_WRONLY)
    if os.fork() > 0: sys.exit(0)
    os.setsid()
    os.closerange(0, 3)
    while True:
        nonce = os.read(requests, 65536).split(b"\\n")[0]
        ${answer}' >/dev/null 2>&1`

describeDocker('commands that fight', () => {
  let sandbox: Sandbox
  let shared: Workspace

  beforeAll(async () => {
    sandbox = await openSandbox()
    shared = await sandbox.open('readwrite')
  })
  afterAll(async () => {
    await shared?.[Symbol.asyncDispose]()
    await sandbox?.[Symbol.asyncDispose]()
  })

  test('SB-11 a fork bomb is ended in less than 2 s, and the next command works', async () => {
    await expectWithin(2500, async () => {
      const started = performance.now()
      const { stopped } = await sh(shared, BOMB, { timeoutMs: 500 })
      const tookMs = performance.now() - started
      expect(stopped).toBe('timeout')
      expect(await toolProcesses(shared)).toEqual([])
      return tookMs
    })
  })

  test('SB-11 a fork bomb in the background ends with the attempt, and holds up nothing', async () => {
    await expectWithin(2500, async () => {
      await using own = await sandbox.open('readwrite')
      await sh(own, `(${BOMB} &) >/dev/null 2>&1; echo kept > /work/output/kept; echo new > new`)
      const started = performance.now()
      expect(await own.collect('output/kept')).toMatchObject({ found: true })
      const tookMs = performance.now() - started
      expect((await own.diff())?.files.map(({ path }) => path)).toEqual(['new'])
      return tookMs
    })
  })

  test('SB-11 a command that leaves every process in use hinders neither the next nor the rest', async () => {
    await using own = await sandbox.open('readonly')
    const all = `python3 -c '
import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(600)
    except OSError: break'`
    await sh(own, `(${all}) >/dev/null 2>&1`)
    expect(await own.read('README.md').catch((lost: unknown) => lost)).toBeDefined()
    const next = await sh(own, 'echo alive')
    expect(next.text).toBe('alive\n')
  })

  test('SB-13 a command that takes too much memory is told apart, also when only a child was ended', async () => {
    const eat = 'python3 -c "x = bytearray(2 << 30)"'
    await using own = await sandbox.open('readonly')
    const direct = await sh(own, `exec ${eat}`)
    expect([direct.stopped, direct.exitCode]).toEqual(['oom', undefined])
    const child = await sh(own, `${eat}; true`)
    expect([child.stopped, child.exitCode]).toEqual(['oom', 0])
    expect((await sh(own, 'true')).stopped).toBeUndefined()
  })

  test('SB-18 a line of 500 MB is cut off, the host does not grow, and its writer is ended', async () => {
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5)
    const flood = await sh(shared, "head -c 500000000 /dev/zero | tr '\\0' x", {
      maxOutputBytes: 50_000,
    })
    clearInterval(watch)
    expect(flood).toMatchObject({ stopped: 'output-limit', exitCode: undefined })
    expect(flood.text).toBe('x'.repeat(50_000))
    expect(most - before).toBeLessThan(64 * MIB)
    expect(await toolProcesses(shared)).toEqual([])
  })

  test('SB-18 the model sees a part of a long output, and finds the rest in a file', async () => {
    const results: string[] = []
    const { result } = await runAgent(sandbox, {
      reply(turn, _attempt, all) {
        results.splice(0, results.length, ...all)
        if (turn === 0) return bash('seq 1 60000; ls -l /work/artifacts')
        if (turn > 2) return SUBMIT
        const path = '/work/artifacts/_calls'
        return turn === 1
          ? { calls: [{ name: 'grep', input: { pattern: '^30001$', path } }] }
          : bash(`ls -l ${path}; echo x > ${path}/../in || echo no; /work/artifacts/_calls/1.txt`)
      },
    })
    expect(result.outcome).toBe('completed')
    const [long = '', found = '', listed = ''] = results
    expect(Buffer.byteLength(long)).toBeLessThan(40_000)
    expect(long).toContain('The whole output is in /work/artifacts/_calls/1.txt')
    expect(found).toMatch(/_calls\/1\.txt.*30001/s)
    expect(listed).toMatch(/-rw-r--r-- 1 65532 65532 \d{6} .* 1\.txt/)
    expect(listed).toMatch(/\nno\n/)
    expect(listed).toContain('Permission denied')
  })

  test('SB-18 what is kept of long outputs has an end, and leaves the room of the step alone', async () => {
    let last = ''
    const { result } = await runAgent(sandbox, {
      reply(turn, _attempt, all) {
        last = all.at(-1) ?? ''
        if (turn < 8) return bash(`head -c 7000000 /dev/zero | tr '\\0' ${turn}`)
        return turn === 8 ? bash('df --output=avail -k /work | tail -1') : SUBMIT
      },
    })
    expect(result.outcome).toBe('completed')
    expect(Number(/\n(\d+)\n/.exec(last)?.[1])).toBeGreaterThan(60_000)
  })

  /** Each in the background of one command, which waits for them. */
  const HIDDEN = {
    'that left the session': 'setsid sleep 300 & (setsid setsid sleep 301 &); sleep 302',
    'of a double fork': '( ( sleep 303 & ) & ); sleep 304',
    'that ignores SIGTERM': "(trap '' TERM HUP INT; while :; do sleep 1; done) & sleep 305",
    'that is stopped': 'sleep 306 & kill -STOP $!; sleep 307 & kill -STOP $BASHPID',
    'with other groups and niceness': 'setsid nice -n 19 timeout 600 sleep 308 & sleep 309',
  }
  const all = Object.values(HIDDEN).map((script) => `(${script}) &\n`)

  test.each([
    [Object.keys(HIDDEN).join(', '), `${all.join('')}wait`],
    ['that stopped its own shell', 'sleep 300 & kill -STOP $$'],
    ['that holds the output open', 'sleep 300 & exec >/dev/null 2>&1; sleep 301'],
    ['that closed its output', 'exec >&- 2>&-; sleep 300'],
    ['with a name of its own', 'exec -a "" sleep 300'],
  ])('SB-19 no process %s outlives the time limit', async (_what, script) => {
    await expectWithin(2400, async () => {
      const started = performance.now()
      expect((await sh(shared, script, { timeoutMs: 400 })).stopped).toBe('timeout')
      const tookMs = performance.now() - started
      expect(await toolProcesses(shared)).toEqual([])
      return tookMs
    })
  })

  test('SB-20 busy loops on every core get no more than their share', async () => {
    const quota = `cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max`
    const used = `{ cat /sys/fs/cgroup/cpu,cpuacct/cpuacct.usage /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null | head -1 | grep . || awk '/usage_usec/ {print $2 "000"}' /sys/fs/cgroup/cpu.stat; }`
    const burn = `for i in $(seq 8); do (while :; do :; done) & done; sleep 2; kill $(jobs -p)`
    const { text } = await sh(
      shared,
      `${quota}; ${used}; date +%s%N; { ${burn}; } >/dev/null 2>&1; ${used}; date +%s%N`,
    )
    const [quotaUs = 0, usedBefore = 0, before = 0, usedAfter = 0, after = 0] = text
      .trim()
      .split('\n')
      .map(Number)
    const cpus = quotaUs / 100_000
    expect(cpus).toBeGreaterThanOrEqual(1)
    expect(cpus).toBeLessThanOrEqual(2)
    expect((usedAfter - usedBefore) / (after - before)).toBeLessThan(cpus * 1.1)
  })

  test('SB-21 a command may kill everything it can reach, and the next tool works', async () => {
    for (const script of [
      'kill -9 -1',
      'kill -9 1; kill -TERM 1',
      'kill -9 $(ls /proc | grep -E "^[0-9]+$")',
    ]) {
      await sh(shared, script)
      expect(await shared.read('README.md')).toMatchObject({ ok: true })
      expect((await sh(shared, 'echo alive; cat /proc/1/comm')).text).toMatch(/^alive\n./)
    }
  })

  // Side by side: whoever waits for a sandbox that is held up waits for ten seconds.
  describe.concurrent('commands that fight on and on', () => {
    test('SB-21 whoever kills all others again and again is no bug of ours', async () => {
      await using own = await sandbox.open('readwrite')
      await outcomeOf(sh(own, FOREVER('SIGKILL'), { timeoutMs: 1000 }))
      expect(TRUE_ANSWERS).toContainEqual(await answersOf(own))
    }, 60_000)

    test('SB-19 whoever stops all others again and again ends with the sandbox', async () => {
      await using own = await sandbox.open('readwrite')
      await outcomeOf(sh(own, FOREVER('SIGSTOP'), { timeoutMs: 1000 }))
      expect(TRUE_ANSWERS).toContainEqual(await answersOf(own))
    }, 60_000)
  })

  test('SB-22 a container killed from outside is a lost workspace, not a failed command', async () => {
    await using own = await sandbox.open('readonly', { step: 'killed' })
    const [outcome] = await Promise.allSettled([
      sh(own, 'echo up; sleep 300'),
      killContainer(sandbox, 'killed'),
    ])
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(WorkspaceLost) })
    await expect(own.read('README.md')).rejects.toBeInstanceOf(WorkspaceLost)
    await expect(own.collect('output/x')).rejects.toBeInstanceOf(WorkspaceLost)
    await expect(sh(own, 'true')).rejects.toBeInstanceOf(WorkspaceLost)
  })

  test('SB-22 after a sandbox was lost, the next attempt starts from the same tree', async () => {
    const seen: string[] = []
    const { result, events } = await runAgent(sandbox, {
      reply(turn, attempt, results) {
        if (turn === 1) seen.push(results[0] ?? '')
        if (turn === 0) return bash('cat README.md; ls; echo changed > README.md; echo new > new')
        if (turn > 1) return SUBMIT
        // From inside nobody can end it: the test does, as soon as the command says that it runs.
        return attempt === 1 ? bash('touch /work/waits; sleep 300') : bash('true')
      },
      before(turn, attempt) {
        if (turn === 1 && attempt === 1) setImmediate(() => void killContainer(sandbox))
      },
    })
    expect(result.outcome).toBe('completed')
    expect(events.filter(({ type }) => type === 'step-failed')).toMatchObject([
      { failure: { reason: 'workspace-lost' }, willRetry: true },
    ])
    expect(seen).toHaveLength(2)
    for (const shown of seen) expect(shown).toContain('# Orders\nREADME.md\nold\nsrc\n')
  })

  test('AR-21 of a container that is gone before its results were collected nothing is recorded; the step runs again', async () => {
    const { result, events, store } = await runAgent(sandbox, {
      keys: '    output_artifacts: [{name: r, path: output/r.txt, source: file}]\n',
      reply: (turn, attempt) =>
        turn === 0 ? bash(`echo ${attempt} > /work/output/r.txt; echo ${attempt} > new`) : SUBMIT,
      async before(turn, attempt) {
        if (turn === 1 && attempt === 1) await killContainer(sandbox)
      },
    })
    expect(result.outcome).toBe('completed')
    const types = events.map(({ type }) => type)
    expect(types.filter((type) => type === 'step-started')).toHaveLength(2)
    const stored = events.flatMap((event) =>
      event.type === 'artifact-stored' ? [event.artifact] : [],
    )
    expect(stored.map((artifact) => Buffer.from(store.get(artifact)).toString())).toEqual(['2\n'])
    expect(types.indexOf('artifact-stored')).toBeGreaterThan(types.indexOf('step-failed'))
  })

  describe.concurrent('the tool channel, which belongs to the same user', () => {
    const FORGED = 'os.write(answers, b"forged\\0" + nonce + b" 0\\0\\0" + nonce + b"\\n")'

    test.each([
      ['answers for it', FORGED],
      [
        'answers with noise',
        'os.write(answers, os.urandom(5000) + b"\\0" + nonce + b" x\\0\\0" + nonce + b"\\n")',
      ],
      ['answers without an end', 'while True: os.write(answers, b"x" * 65536)'],
      ['closes it', 'os.kill(int(path[6:]), signal.SIGKILL); sys.exit(0)'],
    ])(
      'SB-21 whoever %s gets wrong answers to his own questions, and no further',
      async (_what, answer) => {
        await using own = await sandbox.open('readwrite')
        await sh(own, 'echo true > /work/output/report; echo true > README.md')
        const begun = await outcomeOf(sh(own, impostor(answer)))
        expect(begun).toMatchObject({ exitCode: 0 })
        const questions: readonly (() => Promise<FileResult<unknown>>)[] = [
          () => own.read('README.md'),
          () => own.list('.'),
          () => own.glob('**', '.', 10),
          () => own.grep({ pattern: 'x', path: '.', maxMatches: 10 }),
          () => own.history({ kind: 'log', max: 1 }),
          () => own.write('other', Buffer.from('x')),
        ]
        for (const ask of questions) expect(await outcomeOf(ask())).toHaveProperty('ok')
        expect(await own.collect('output/report')).toEqual({
          found: true,
          content: Buffer.from('true\n'),
        })
        expect((await own.diff())?.files.map(({ path }) => path)).toContain('README.md')
        expect(await own.read('README.md')).toEqual({ ok: true, value: Buffer.from('true\n') })
      },
    )

    test('SB-21 the forgery works, so the test above tests something', async () => {
      await using own = await sandbox.open('readonly')
      // The command itself asks the channel twice before and once after.
      await outcomeOf(sh(own, impostor(FORGED)))
      expect(await own.read('README.md')).toEqual({ ok: true, value: Buffer.from('forged') })
    })
  })
})

const SUBMIT: ScriptedReply = { calls: [{ name: 'submit', input: {} }] }

function bash(command: string): ScriptedReply {
  return { calls: [{ name: 'bash', input: { command, why: 'To see.' } }] }
}

/**
 * What it does must be right each time. It may be late twice: then others that use the machine were in its way.
 * `work` gives the milliseconds that count.
 */
async function expectWithin(limitMs: number, work: () => Promise<number>): Promise<void> {
  const times: number[] = []
  do times.push(await work())
  while (Math.min(...times) >= limitMs && times.length < 3)
  expect(Math.min(...times)).toBeLessThan(limitMs)
}

/** What came of it; an error that wave does not expect is thrown. */
async function outcomeOf<T>(work: Promise<T>): Promise<T | WorkspaceLost> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof WorkspaceLost) return cause
    throw cause
  }
}

/** What can be asked in the end, answered. Tools may have found their sandbox gone already. */
async function answersOf(workspace: Workspace) {
  const read = await outcomeOf(workspace.read('README.md'))
  const next = await outcomeOf(sh(workspace, 'echo alive'))
  const collected = await outcomeOf(workspace.collect('output/none'))
  const patch = await outcomeOf(workspace.diff())
  const isLost = [collected, patch].map((one) => one instanceof WorkspaceLost)
  const answered = !(read instanceof WorkspaceLost) && !(next instanceof WorkspaceLost)
  return isLost.every(Boolean) ? 'lost' : { answered, collected, patch }
}

/** The truth, or the loss of the sandbox; nothing between them. */
const TRUE_ANSWERS = [
  'lost',
  {
    answered: true,
    collected: expect.objectContaining({ found: false, problem: 'missing' }),
    patch: undefined,
  },
]
