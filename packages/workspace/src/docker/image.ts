import { WaveError } from '@wave/core'
import type Docker from 'dockerode'
import { fileURLToPath } from 'node:url'
import { containerConfig, type Box } from './container-config.ts'
import { engineError, isMissing, type Engine } from './engine.ts'
import { BootFailed, startHeld } from './held-container.ts'
import { OWN_PROCESS } from './watchdog.ts'

/** The image that wave brings the recipe for. */
export const DEFAULT_IMAGE = 'wave-sandbox:1'

/** Name → digest, so that a tag that moves later changes nothing. Throws `image-missing`, `image-unfit`. */
export async function resolveImage(engine: Engine, name: string): Promise<string> {
  const image = await inspect(engine.docker, name)
  if (Object.keys(image.Config.Volumes ?? {}).length > 0) throw unfit(name, 'declares volumes')
  if (image.Os !== 'linux') throw unfit(name, `is for ${image.Os}`)
  // A claim of the image about itself: a wrong one shows when the first workspace opens.
  if (image.Config.Labels?.['dev.wave.fit'] !== '1') await tryImage(engine, name, image.Id)
  return image.Id
}

async function inspect(docker: Docker, name: string): Promise<Docker.ImageInspectInfo> {
  try {
    return await docker.getImage(name).inspect()
  } catch (cause) {
    if (!isMissing(cause)) throw engineError(cause)
    const recipe = fileURLToPath(new URL('../../docker', import.meta.url))
    const command =
      name === DEFAULT_IMAGE ? `docker build -t ${name} ${recipe}` : `docker pull ${name}`
    throw new WaveError('image-missing', `The Docker image ${name} does not exist.`, {
      hint: `Run: ${command}`,
      cause,
    })
  }
}

async function tryImage(engine: Engine, name: string, id: string): Promise<void> {
  const trial: Box = {
    install: 'trial',
    run: 'trial',
    step: 'image',
    process: OWN_PROCESS,
    attempt: 1,
    instance: String(process.pid),
    image: id,
    runtime: engine.runtime,
    users: engine.users,
    cpus: 1,
    part: { role: 'tools', source: { kind: 'none' }, seals: [], inputBytes: 0 },
  }
  try {
    const held = await startHeld(engine.docker, containerConfig(trial))
    await held.release()
  } catch (cause) {
    throw imageProblem(name, cause) ?? engineError(cause)
  }
}

/** The failure of a start, if it is the image's fault. */
export function imageProblem(name: string, cause: unknown): WaveError | undefined {
  if (cause instanceof BootFailed) {
    const tool = /^unfit (\w+)$/.exec(cause.said)?.[1]
    if (tool !== undefined) return unfit(name, `has no ${tool}`, cause)
    // The engine's own first process reports what it could not start.
    return /exec \S+ failed/.test(cause.said) ? unfit(name, 'cannot run /bin/sh', cause) : undefined
  }
  const said = cause instanceof Error ? cause.message : ''
  if (/exec format error/i.test(said)) return unfit(name, 'is for another architecture', cause)
  if (/executable file not found|stat \/bin\/sh/i.test(said))
    return unfit(name, 'has no /bin/sh', cause)
  return undefined
}

function unfit(name: string, what: string, cause?: unknown): WaveError {
  return new WaveError('image-unfit', `The Docker image ${name} cannot serve: it ${what}.`, {
    hint: 'Use an image with bash, git, ripgrep, GNU coreutils, findutils and tar, and without volumes.',
    cause,
  })
}
