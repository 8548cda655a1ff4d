/** Disks that are full, folders that may not be written, files that may not be read. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CliResult, LAUNCHER, resultOf, Sandbox } from '../support/cli.ts'
import { waveHere } from '../support/wave-here.ts'

const RUN = ['run', 'incident-response', '--provider', 'evidence']
const SYMPTOM = 'TypeError: Cannot read properties of undefined at total (src/orders.js:2:16)'
const isRoot = process.getuid?.() === 0

/** A small disk at a folder, gone when disposed. */
class Disk implements Disposable {
  readonly #path: string

  constructor(path: string, sizeKib: number, options = '') {
    mkdirSync(path, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k${options}`, 'tmpfs', path], {
      stdio: 'pipe',
    })
    this.#path = path
  }

  /** Leaves room for so much and no more. */
  fill(leaveKib = 0): void {
    const filler = join(this.#path, 'filler')
    const { stdout } = spawnSyncText('df', ['--output=avail', '-k', this.#path])
    const free = Number(stdout.trim().split('\n').at(-1))
    writeFileSync(filler, Buffer.alloc(Math.max(0, free - leaveKib) * 1024))
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.#path])
  }
}

function spawnSyncText(command: string, args: readonly string[]): { readonly stdout: string } {
  return { stdout: execFileSync(command, args, { encoding: 'utf8' }) }
}

const canMount = isRoot && tryMount()

function tryMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'wave-mount-'))
  try {
    using disk = new Disk(folder, 64)
    disk.fill()
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function fill(sandbox: Sandbox): void {
  sandbox.write('src/orders.js', 'export const total = (order) =>\n  order.items.length\n')
  sandbox.initGit()
}

/** Whether it ended as an environment that is not ready, with a code and a remedy. */
function isNotReady({ exitCode, stderr }: CliResult, code: string): boolean {
  return exitCode === 4 && stderr.includes(`error[${code}]`) && stderr.includes('  hint: ')
}

describe.skipIf(!canMount)('a full disk (needs root, to mount a small one)', () => {
  test('of wave’s own folder ends the run before it starts; doctor says so; later all is well', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    {
      using disk = new Disk(sandbox.home, 64)
      disk.fill()
      expect(isNotReady(await waveHere(sandbox, [...RUN, SYMPTOM]), 'disk-full')).toBe(true)
      const doctor = await waveHere(sandbox, ['doctor'])
      expect(doctor).toMatchObject({ exitCode: 4, stderr: '' })
      expect(doctor.stdout).toContain('The disk is full')
      rmSync(join(sandbox.home, 'filler'))
      const inDocker = 'run incident-response x --sandbox docker'.split(' ')
      const again = await waveHere(sandbox, inDocker)
      expect(again.stderr).toContain('error[docker-unreachable]')
    }
    expect(existsSync(join(sandbox.project, 'output'))).toBe(false)
  })

  test('of the runs ends the run, and what it leaves ignores itself afterwards', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    using disk = new Disk(join(sandbox.project, '.wave/runs'), 64)
    disk.fill()
    expect(isNotReady(await waveHere(sandbox, [...RUN, SYMPTOM]), 'disk-full')).toBe(true)
    rmSync(join(sandbox.project, '.wave/runs/filler'))
    expect((await waveHere(sandbox, [...RUN, SYMPTOM])).exitCode).toBeLessThan(5)
    expect(sandbox.read('.wave/runs/.gitignore')).toBe('*\n')
  })

  test('in the middle of a run fails the step and keeps what was done', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    using disk = new Disk(join(sandbox.project, '.wave/runs'), 64)
    disk.fill(28)
    const { exitCode, stdout, stderr } = await waveHere(sandbox, [...RUN, SYMPTOM])
    expect(exitCode).toBe(4)
    expect(stdout + stderr).toMatch(/disk is full/)
    expect(stdout + stderr).not.toContain('Internal error')
  })

  test('of output/ keeps the results in the run and says where', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    using disk = new Disk(join(sandbox.project, 'output'), 64)
    disk.fill()
    const { exitCode, stdout } = await waveHere(sandbox, [...RUN, SYMPTOM])
    expect(exitCode).toBe(4)
    const kept = /output\/incident-report\.md was not written: .* Its content is kept in (\S+)\.\n/
    expect(statSync(kept.exec(stdout)?.[1] ?? '').size).toBeGreaterThan(1000)
  })

  test('does not leave half a file of init', async () => {
    using sandbox = new Sandbox()
    using disk = new Disk(join(sandbox.project, '.wave'), 64)
    disk.fill()
    expect(isNotReady(await waveHere(sandbox, ['init']), 'disk-full')).toBe(true)
    expect(readdirSync(join(sandbox.project, '.wave'))).toEqual(['filler'])
  })

  test('a home that is read-only: what needs none works, a run says which folder', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    using _ = new Disk(sandbox.home, 64, ',ro')
    const env = { WAVE_HOME: '' }
    for (const verb of [['list'], ['init'], ['validate'], [...RUN, SYMPTOM, '--dry-run']]) {
      expect((await sandbox.wave(verb, { env })).exitCode).toBe(0)
    }
    const run = await sandbox.wave([...RUN, SYMPTOM], { env })
    expect(isNotReady(run, 'path-unwritable')).toBe(true)
    expect(run.stderr).toContain(join(sandbox.home, '.local/share/wave'))
    expect(await sandbox.wave(['doctor'], { env })).toMatchObject({ exitCode: 4, stderr: '' })
  })
})

/** As a user without rights: root may read and write everything. */
async function asNobody(sandbox: Sandbox, args: readonly string[]): Promise<CliResult> {
  const launch = isRoot
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', LAUNCHER, ...args]
    : [LAUNCHER, ...args]
  const child = spawn('env', launch, { cwd: sandbox.project, env: sandbox.env({}) })
  child.stdin.end()
  return await resultOf(child)
}

function giveAway(sandbox: Sandbox): void {
  if (!isRoot) return
  for (const path of [sandbox.root, sandbox.home]) chownSync(path, 65534, 65534)
  execFileSync('chown', ['-R', '65534:65534', sandbox.project])
}

describe('folders of somebody else', () => {
  test('a read-only output/ is told before the run', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    mkdirSync(join(sandbox.project, 'output'))
    giveAway(sandbox)
    chmodSync(join(sandbox.project, 'output'), 0o500)
    const result = await asNobody(sandbox, [...RUN, SYMPTOM])
    expect(isNotReady(result, 'path-unwritable')).toBe(true)
    expect(result.stdout).toBe('')
    expect(existsSync(join(sandbox.project, '.wave'))).toBe(false)
  })

  test('a .wave/ that may not be written is told before the run', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    mkdirSync(join(sandbox.project, '.wave'))
    giveAway(sandbox)
    chmodSync(join(sandbox.project, '.wave'), 0o500)
    expect(isNotReady(await asNobody(sandbox, [...RUN, SYMPTOM]), 'path-unwritable')).toBe(true)
    expect(isNotReady(await asNobody(sandbox, ['init']), 'path-unwritable')).toBe(true)
  })

  test('a .wave/ that may not be read is told as a mistake of the project', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    await waveHere(sandbox, ['init'])
    giveAway(sandbox)
    for (const path of ['.wave/config.yaml', '.wave/personas', '.wave']) {
      chmodSync(join(sandbox.project, path), 0)
      const verbs = [[...RUN, SYMPTOM], ['list'], ['validate']]
      const results = await Promise.all(verbs.map((args) => asNobody(sandbox, args)))
      expect([path, ...results.map(({ exitCode }) => exitCode)]).toEqual([path, 2, 2, 2])
      for (const { stderr } of results) expect(stderr).toContain('error[config-invalid]')
      chmodSync(join(sandbox.project, path), 0o700)
    }
  })

  test('a home that may not be written is told by doctor, not as a bug', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    giveAway(sandbox)
    chmodSync(sandbox.home, 0o500)
    const { exitCode, stdout, stderr } = await asNobody(sandbox, ['doctor'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: '' })
    expect(stdout).toContain(sandbox.home)
  })

  test('a run makes .wave/ like any folder of the project, and only the runs private', async () => {
    using sandbox = new Sandbox()
    fill(sandbox)
    await waveHere(sandbox, [...RUN, SYMPTOM])
    const mode = (path: string): number => statSync(join(sandbox.project, path)).mode & 0o777
    expect([mode('.wave'), mode('.wave/runs')]).toEqual([0o777 & ~process.umask(), 0o700])
  })
})
