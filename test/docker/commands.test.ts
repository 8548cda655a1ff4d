import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { describeDocker } from '../support/docker.ts'
import { toolProcesses } from '../security/support/tool-processes.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

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
    const limits = { timeoutMs: 5000, maxOutputBytes: 1000 }
    const result = await workspace.exec({ shell: 'pwd; echo problem >&2; exit 7' }, limits)
    expect(result.exitCode).toBe(7)
    expect(Buffer.from(result.output).toString().split('\n').toSorted()).toEqual([
      '',
      '/src',
      'problem',
    ])
    expect(Buffer.from(result.stdout).toString()).toBe('/src\n')
  })

  test('what earlier commands left is ended before one that could not begin is tried again', async () => {
    const left = 'grep -lz "^8639[9]" /proc/[0-9]*/cmdline | grep -v "^/proc/$$/" || echo nothing'
    await sh(workspace, 'sleep 86399 >/dev/null 2>&1 &')
    expect((await sh(workspace, left)).text).toMatch(/^\/proc\/\d+\/cmdline\n/)
    const limits = { timeoutMs: 5000, maxOutputBytes: 1000, cwd: '/nowhere' }
    const { output } = await workspace.exec(['true'], limits)
    expect(Buffer.from(output).toString()).toMatch(/^OCI runtime exec failed: /)
    expect((await sh(workspace, left)).text).toBe('nothing\n')
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

  test('a cancelled command is ended', async () => {
    const controller = new AbortController()
    const limits = { timeoutMs: 20_000, maxOutputBytes: 100 }
    const running = workspace.exec({ shell: 'sleep 300' }, limits, controller.signal)
    controller.abort()
    expect((await running).stopped).toBe('cancelled')
    expect(await toolProcesses(workspace)).toEqual([])
  })

  test('a process left in the background does not hold up the answer', async () => {
    const started = performance.now()
    const { exitCode, text } = await sh(workspace, 'sleep 300 & echo started', {
      timeoutMs: 15_000,
    })
    expect({ exitCode, text }).toEqual({ exitCode: 0, text: 'started\n' })
    expect(performance.now() - started).toBeLessThan(5000)
    expect(await toolProcesses(workspace)).toEqual(['sleep 300 '])
  })
})
