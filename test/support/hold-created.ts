/**
 * Creates a container and a volume as they are while a sandbox opens, before anything runs in them. Says as which
 * process, then waits to be killed, or ends in good order. Arguments: install id, image, `hold` or `end`.
 */
import { connectDocker } from '../../packages/workspace/src/docker/docker-provider.ts'
import { connectOwnEngine } from '../../packages/workspace/src/docker/engine.ts'
import { OWN_PROCESS } from '../../packages/workspace/src/docker/watchdog.ts'

const [installId = '', image = '', how] = process.argv.slice(2)
const provider = await connectDocker({ installId, image })
if (how === 'end') {
  const spec = { run: 'held', step: 's', attempt: 1, mount: undefined, inputs: [] }
  await using _ = await provider.open(spec, new AbortController().signal)
} else {
  const { docker } = await connectOwnEngine({})
  const labels = { 'dev.wave.install': installId, 'dev.wave.process': OWN_PROCESS }
  await docker.createContainer({ Image: image, Labels: labels })
  await docker.createVolume({ Name: `held-${installId}`, Labels: labels })
}
process.stdout.write(`${OWN_PROCESS}\n`)
if (how === 'hold') setInterval(() => {}, 60_000)
else {
  await provider[Symbol.asyncDispose]()
  process.exit()
}
