/** Opens a read-write workspace, says so, and waits to be killed. Arguments: repository, install id, data directory. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectDocker } from '../../packages/workspace/src/docker/docker-provider.ts'
import { createSnapshotSource } from '../../packages/workspace/src/snapshot.ts'

const [repository = '', installId = '', given] = process.argv.slice(2)
const dataDir = given ?? mkdtempSync(join(tmpdir(), 'wave-held-'))
const source = createSnapshotSource({ dataDir })
const snapshot = await source.take(repository, { include: [], history: 'full' })
const provider = await connectDocker({ installId })
const mount = { snapshot, source: '.', target: '/src', mode: 'readwrite' } as const
const spec = { run: 'held', step: 'held', attempt: 1, mount, inputs: [] }
const workspace = await provider.open(spec, new AbortController().signal)
await workspace.read('README.md')
process.stdout.write('open\n')
setInterval(() => {}, 60_000)
