/** What a step leaves that no patch can hold: told, and left out, or the step's own failure. */
import { expect, test } from 'vitest'
import { Sandbox } from '../support/cli.ts'
import { describeDocker } from '../support/docker.ts'

const env = { ...(process.env['DOCKER_HOST'] && { DOCKER_HOST: process.env['DOCKER_HOST'] }) }

async function run(sandbox: Sandbox, script: string) {
  for (const path of ['a.txt', 'src/b.js', 'dir/c.txt']) sandbox.write(path, 'base\n')
  sandbox.initGit()
  const mount = [{ source: './', target: '/src', mode: 'readwrite' }]
  const step = { id: 'odd', type: 'command', script, workspace: { mount } }
  const pipeline = { kind: 'WavePipeline', metadata: { name: 'odd' }, steps: [step] }
  sandbox.write('.wave/pipelines/odd.yaml', JSON.stringify(pipeline))
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

  test.each([
    'rm a.txt; mkfifo a.txt',
    'rm -r dir; mkfifo dir',
    'mkdir .github .GITHUB; echo x > .github/a; echo y > .GITHUB/a',
    'truncate -s 45M big1 big2 big3 big4 big5 big6',
  ])('%s fails the step, not the environment', async (script) => {
    using sandbox = new Sandbox()
    const { exitCode, stdout, stderr } = await run(sandbox, script)
    expect([exitCode, stdout + stderr]).toEqual([
      1,
      expect.stringMatching(
        /artifact-invalid: changes[^]*The step left changes that cannot be read/,
      ),
    ])
  })
})
