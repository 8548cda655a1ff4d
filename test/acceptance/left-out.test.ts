/** What a step leaves that no patch can hold: told, and left out, or the step's own failure. */
import { expect, test } from 'vitest'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'

const env = { ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }) }

/** Runs these scripts side by side, each on a tree of its own. */
async function run(sandbox: Sandbox, ...scripts: readonly string[]): Promise<CliResult> {
  for (const path of ['a.txt', 'src/b.js', 'dir/c.txt']) sandbox.write(path, 'base\n')
  const mount = [{ source: './', target: '/src', mode: 'readwrite' }]
  const steps = scripts.map((script, at) => ({
    id: `odd-${at}`,
    type: 'command',
    script,
    workspace: { mount },
  }))
  const head = { kind: 'WavePipeline', metadata: { name: 'odd' }, failure_policy: 'continue' }
  sandbox.write('.wave/pipelines/odd.yaml', JSON.stringify({ ...head, steps }))
  sandbox.initGit()
  return await sandbox.wave(['run', 'odd'], { env })
}

describeDocker('changes that are left out', () => {
  test('links, odd names and pipes are told by run and apply, and the rest is applied', async () => {
    using sandbox = new Sandbox()
    const links =
      'ln -s /etc/passwd link; rm src/b.js; ln -s a.txt src/b.js; rm -r dir; ln -s src dir'
    const odd = 'echo x > .gitmodules; mkfifo fifo; echo x > ./-rf; echo y > a.txt'
    const ran = await run(sandbox, `${links}; ${odd}`)
    expect(ran).toMatchObject({ exitCode: 0 })
    expect(ran.stdout).toContain('Changes: 1 file (+1 -1)')
    expect(ran.stdout + ran.stderr).toContain('Never applied: ')
    const { exitCode, stdout } = await sandbox.wave(['apply', 'last', '--yes', '-o', 'json'], {
      env,
    })
    expect(exitCode).toBe(0)
    const told: unknown = JSON.parse(stdout)
    const left = {
      link: 'is a link',
      'src/b.js': 'is a link',
      dir: 'is a link',
      '.gitmodules': 'declares submodules',
      fifo: 'is a fifo, not a regular file',
      '-rf': 'has a component that starts with "-"',
    }
    const leftOut = Object.entries(left).map(([path, because]) => ({ path, because }))
    expect(told).toMatchObject({ applied: [{ path: 'a.txt' }] })
    expect(told).toMatchObject({ leftOut: expect.arrayContaining(leftOut) })
    expect(['a.txt', 'src/b.js', 'dir/c.txt'].map((path) => sandbox.read(path))).toEqual([
      'y\n',
      'base\n',
      'base\n',
    ])
  })

  test('a pipe for a file or a folder, names that differ in case, and too much fail the step, not the environment', async () => {
    using sandbox = new Sandbox()
    const scripts = {
      'rm a.txt; mkfifo a.txt': 'a.txt" is a fifo',
      'rm -r dir; mkfifo dir': 'dir" is a fifo',
      'mkdir .github .GITHUB; echo x > .github/a; echo y > .GITHUB/a': 'collides with ".GITHUB"',
      'truncate -s 45M big1 big2 big3 big4 big5 big6': 'has more than 268435456 bytes',
    }
    const { exitCode, stdout } = await run(sandbox, ...Object.keys(scripts))
    expect(exitCode).toBe(1)
    for (const [at, because] of Object.values(scripts).entries()) {
      const failed = `Step odd-${at} failed: artifact-invalid: changes\n`
      const [, told] = stdout.split(`${failed}  The step left changes that cannot be read: `)
      expect(told?.split('\n')[0]).toContain(because)
    }
  })
})
