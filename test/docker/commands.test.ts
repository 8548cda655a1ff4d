import { afterAll, beforeAll, expect, test } from 'vitest'
import { WorkspaceLost, type Workspace } from '../../packages/core/src/index.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

const TOOL_PROCESSES =
  'for p in /proc/[0-9]*; do [ "$(stat -c %u $p 2>/dev/null)" = 65532 ] && cat $p/comm; done; true'

describeDocker('commands in a sandbox', () => {
  let sandbox: Sandbox
  let workspace: Workspace

  beforeAll(async () => {
    sandbox = await openSandbox()
    workspace = await sandbox.open('readonly')
  })
  afterAll(async () => {
    await workspace[Symbol.asyncDispose]()
    await sandbox[Symbol.asyncDispose]()
  })

  test('a command runs in the mount and answers with its exit code and both outputs', async () => {
    const result = await sh(workspace, 'pwd; echo problem >&2; exit 7')
    expect(result.exitCode).toBe(7)
    expect(result.text.split('\n').toSorted()).toEqual(['', '/src', 'problem'])
    expect(Buffer.from(result.stdout).toString()).toBe('/src\n')
  })

  test('arguments arrive as they are, and extra variables too', async () => {
    const limits = { timeoutMs: 5000, maxOutputBytes: 1000, cwd: '/work', env: { WAVE_X: "a 'b" } }
    const argv = ['printf', '%s|', '$HOME', 'a b', '*', "it's", '']
    const { output } = await workspace.exec(argv, limits)
    expect(Buffer.from(output).toString()).toBe("$HOME|a b|*|it's||")
    const { output: second } = await workspace.exec({ shell: 'echo "$WAVE_X $PWD"' }, limits)
    expect(Buffer.from(second).toString()).toBe("a 'b /work\n")
  })

  test('nothing of the host environment is inside', async () => {
    const { text } = await sh(
      workspace,
      'env | cut -d= -f1 | sort | tr "\\n" " "; cat /proc/1/environ',
    )
    expect(text).not.toMatch(/KEY|TOKEN|SECRET|PROXY/i)
    expect(text).toContain('GIT_OPTIONAL_LOCKS')
  })

  test('SB-18 endless output is cut off, held back and ended', async () => {
    const before = process.memoryUsage().rss
    const flood = await sh(workspace, "head -c 500000000 /dev/zero | tr '\\0' x", {
      maxOutputBytes: 50_000,
    })
    expect(flood.stopped).toBe('output-limit')
    expect(flood.exitCode).toBeUndefined()
    expect(flood.text).toBe('x'.repeat(50_000))
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20)
    expect((await sh(workspace, TOOL_PROCESSES)).text).not.toMatch(/\b(?:tr|head)\b/)
  })

  test('SB-19 the time limit ends children that left the session too', async () => {
    const late = await sh(workspace, 'setsid sleep 300 & (setsid setsid sleep 301 &); sleep 302', {
      timeoutMs: 400,
    })
    expect(late.stopped).toBe('timeout')
    expect((await sh(workspace, TOOL_PROCESSES)).text).not.toContain('sleep')
  })

  test('a cancelled command is ended', async () => {
    const controller = new AbortController()
    const limits = { timeoutMs: 20_000, maxOutputBytes: 100 }
    const running = workspace.exec({ shell: 'sleep 300' }, limits, controller.signal)
    controller.abort()
    expect((await running).stopped).toBe('cancelled')
    expect((await sh(workspace, TOOL_PROCESSES)).text).not.toContain('sleep')
  })

  test('a process left in the background does not hold up the answer', async () => {
    const started = performance.now()
    const { exitCode, text } = await sh(workspace, 'sleep 300 & echo started', {
      timeoutMs: 15_000,
    })
    expect({ exitCode, text }).toEqual({ exitCode: 0, text: 'started\n' })
    expect(performance.now() - started).toBeLessThan(5000)
    expect((await sh(workspace, TOOL_PROCESSES)).text).toContain('sleep')
  })

  test('SB-21 a command may kill everything it can reach, and the next tool works', async () => {
    await sh(workspace, 'kill -9 -1')
    expect(await workspace.read('README.md')).toMatchObject({ ok: true })
    await sh(workspace, 'kill -9 1; kill -TERM 1; kill -9 $(ls /proc | grep -E "^[0-9]+$")')
    expect((await sh(workspace, 'echo alive')).text).toBe('alive\n')
  })

  test('SB-13 a command that takes too much memory is told apart', async () => {
    await using own = await sandbox.open('readonly')
    const eat = 'python3 -c "x = bytearray(2 << 30)"'
    const direct = await sh(own, `exec ${eat}`)
    expect([direct.stopped, direct.exitCode]).toEqual(['oom', undefined])
    const child = await sh(own, `${eat}; true`)
    expect([child.stopped, child.exitCode]).toEqual(['oom', 0])
    expect((await sh(own, 'true')).stopped).toBeUndefined()
  })

  test('SB-22 a container killed from outside is a lost workspace, not a failed command', async () => {
    await using own = await sandbox.open('readonly', { step: 'killed' })
    const filters = { label: [`dev.wave.install=${sandbox.installId}`, 'dev.wave.step=killed'] }
    const [container] = await sandbox.docker.listContainers({ filters })
    const [outcome] = await Promise.allSettled([
      sh(own, 'echo up; sleep 300'),
      sandbox.docker.getContainer(container?.Id ?? '').kill(),
    ])
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(WorkspaceLost) })
    await expect(own.read('README.md')).rejects.toBeInstanceOf(WorkspaceLost)
  })
})
