/**
 * DF-03: the data root of Docker fills while a step is under way. A second engine on a small disk of its own, a
 * run of `wave` itself: it warns beforehand, ends as `disk-full`, and goes on once there is room.
 */
import { execFileSync } from 'node:child_process'
import { rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DiskScene } from '../support/disk-scene.ts'
import { openLoopDisk, whyNoDisks } from './loop-disk.ts'
import type { CrashScope, CrashSuite, Report } from './suite.ts'

export const suite: CrashSuite = { name: 'engine-disk', cases: ['DF-03'], run: runSuite }

async function runSuite(scope: CrashScope, report: Report): Promise<void> {
  if (!scope.wants('step', 'docker-full')) return
  const why = whyNoDisks()
  if (why !== undefined) throw new Error(`The suite engine-disk was not run: ${why}.`)
  using disk = openLoopDisk({ sizeMib: 2048 })
  using engine = startEngine(disk.mount)
  const startMs = performance.now()
  const problems = await fillDuringStep(disk.mount, engine.host)
  const durationMs = performance.now() - startMs
  report({ caseId: 'DF-03', call: 'step', fault: 'docker-full', point: 1, problems, durationMs })
}

async function fillDuringStep(mount: string, engine: string): Promise<readonly string[]> {
  const filler = join(mount, 'filler')
  leave(mount, join(mount, 'ballast'), 200)
  await using scene = await DiskScene.open(() => leave(mount, filler, 0), { engine })
  const { exitCode, stdout, stderr } = await scene.run()
  const text = stdout + stderr
  rmSync(filler)
  const resumed = await scene.wave('resume')
  const left = execFileSync('docker', ['--host', engine, 'ps', '--all', '--quiet'])
  return [
    ...(/Docker has only \d+ MiB left/.test(text) ? [] : ['nothing warned beforehand']),
    ...(exitCode === 4 && text.includes('disk-full') ? [] : [`it ended with ${exitCode}: ${text}`]),
    ...(resumed.exitCode === 0 ? [] : [`the resume failed: ${resumed.stdout}${resumed.stderr}`]),
    ...(left.length === 0 ? [] : ['containers are left']),
  ]
}

/** Never the engine that answers: its images are copied, nothing else. */
function startEngine(home: string): Disposable & { readonly host: string } {
  const { DOCKER_HOST: shared, WAVE_ENGINE_IMAGE_FROM: from = shared } = process.env
  const images = from === undefined ? {} : { WAVE_ENGINE_IMAGE_FROM: from }
  const env = { ...process.env, WAVE_ENGINE_HOME: home, ...images }
  const own = { ...env, WAVE_ENGINE_ARGS: '--log-level=warn' }
  execFileSync(ENGINE, ['up'], { env: own, stdio: ['ignore', 'ignore', 'pipe'] })
  return {
    host: `unix://${home}/docker.sock`,
    [Symbol.dispose]: () => {
      execFileSync(ENGINE, ['down'], { env: own, stdio: ['ignore', 'ignore', 'pipe'] })
    },
  }
}

const ENGINE = fileURLToPath(new URL('../../support/engine', import.meta.url))

/** Takes all of the disk but so much, the blocks that are kept for root included. */
function leave(mount: string, path: string, leftMib: number): void {
  const { bfree, bavail, bsize } = statfsSync(mount)
  const blocks = leftMib === 0 ? bfree : bavail
  const sizeBytes = blocks * bsize - leftMib * 2 ** 20
  try {
    execFileSync('fallocate', ['-l', String(sizeBytes), path], { stdio: 'ignore' })
  } catch {
    // What lists the blocks of the file takes some of them: as much as there is will do.
    execFileSync('sh', ['-c', 'cat /dev/zero > "$0" || true', path], { stdio: 'ignore' })
  }
}
