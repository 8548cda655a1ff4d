import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Workspace } from '../../packages/core/src/index.ts'
import { describeDocker } from '../support/docker.ts'
import { openSandbox, sh, type Sandbox } from '../support/sandbox.ts'

describeDocker('collecting artifacts', () => {
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

  test('a file below /work is collected byte for byte', async () => {
    await sh(workspace, "printf 'a\\0b\\r\\n' > /work/output/report.md; : > /work/output/empty")
    const report = { found: true, content: Buffer.from('a\0b\r\n') }
    expect(await workspace.collect('/work/output/report.md')).toEqual(report)
    expect(await workspace.collect('output/report.md')).toEqual(report)
    expect(await workspace.collect('output/empty')).toEqual({
      found: true,
      content: Buffer.alloc(0),
    })
  })

  test('a file that is not there is missing', async () => {
    expect(await workspace.collect('/work/output/none.md')).toMatchObject({
      found: false,
      problem: 'missing',
    })
  })

  test.each([
    ['AR-01 a link to a file of the system', 'ln -s /etc/shadow $r', 'symlink'],
    ['AR-01 a link to a good file', 'echo x > /work/x; ln -s /work/x $r', 'symlink'],
    ['AR-01 a dangling link', 'ln -s nowhere $r', 'symlink'],
    ['AR-03 a named pipe', 'mkfifo $r', 'fifo'],
    [
      'AR-01 a path through a link',
      'ln -s /etc /work/output/linked',
      'lies behind a link',
      'linked/passwd',
    ],
    ['a directory', 'mkdir $r', 'not a regular file'],
    ['AR-06 a file beyond the cap', 'truncate -s 40M $r', 'larger than', undefined],
  ])('%s is refused', async (_what, script, said, name = 'report') => {
    await sh(workspace, `rm -rf /work/output/*; r=/work/output/report; ${script}`)
    expect(await workspace.collect(`/work/output/${name}`)).toMatchObject({
      found: false,
      problem: 'refused',
      message: expect.stringContaining(said),
    })
  })

  test('AR-04 the scratch directory can hold no device', async () => {
    const { text } = await sh(workspace, 'mknod /work/output/disk b 254 0')
    expect(text).toContain('Operation not permitted')
    expect(await workspace.collect('/work/output/disk')).toMatchObject({ problem: 'missing' })
  })

  test.each(['/etc/passwd', '../etc/passwd', '/src/README.md', '/work', '/work/../etc/passwd'])(
    '%s is not below /work and refused',
    async (path) => {
      expect(await workspace.collect(path)).toMatchObject({ found: false, problem: 'refused' })
    },
  )

  test('AR-16 odd mode bits change nothing', async () => {
    await sh(workspace, 'rm -rf /work/output/*; echo x > /work/output/r; chmod 7777 /work/output/r')
    expect(await workspace.collect('output/r')).toEqual({
      found: true,
      content: Buffer.from('x\n'),
    })
  })

  test('AR-08 a name with control characters is not collected', async () => {
    await sh(workspace, "echo x > $'/work/output/a\\eb'")
    expect(await workspace.collect('output/a\u001bb')).toMatchObject({
      found: false,
      problem: 'refused',
      message: expect.not.stringContaining('\u001b'),
    })
  })

  test('what still runs is ended first, so that nothing changes while it is read', async () => {
    await sh(workspace, '(while :; do date > /work/output/busy; done) >/dev/null 2>&1 &')
    await workspace.collect('output/busy')
    const { text } = await sh(workspace, 'cat /proc/[0-9]*/comm | sort | uniq -c')
    expect(text).not.toContain('date')
  })
})
