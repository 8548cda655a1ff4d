import { describe } from 'vitest'
import { connectOwnEngine, type Engine } from '../../packages/workspace/src/docker/engine.ts'

/** The engine that answers, as the `docker` command would find it. */
export const engine: Engine | undefined = await findEngine()

async function findEngine(): Promise<Engine | undefined> {
  return connectOwnEngine({}).catch(() => undefined)
}

const isRequired = process.env['WAVE_REQUIRE_DOCKER'] === '1'

/**
 * `describe` for what needs a Docker engine. Without one the suite is reported as skipped, unless
 * WAVE_REQUIRE_DOCKER=1: then it runs, and fails for want of an engine.
 */
export const describeDocker: (name: string, define: () => void) => void =
  engine !== undefined || isRequired ? describe : describe.skip
