import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import {
  findProject,
  projectFiles,
  projectPipelines,
  READ_CAP_BYTES,
  readPipelineAt,
} from './project.ts'

test('the project is the nearest ancestor with .wave', () => {
  const root = folder({ '.git/HEAD': '', 'app/.wave/config.yaml': '', 'app/src/x/y.ts': '' })
  expect(findProject(join(root, 'app/src/x'))).toEqual({
    root: join(root, 'app'),
    hasWave: true,
    isGit: true,
  })
})

test('a .wave above the git root is not ours', () => {
  const root = folder({ '.wave/config.yaml': '', 'repo/.git/HEAD': '', 'repo/src/x.ts': '' })
  expect(findProject(join(root, 'repo/src'))).toEqual({
    root: join(root, 'repo'),
    hasWave: false,
    isGit: true,
  })
})

test('without .wave and without git the folder itself is the project', () => {
  const root = folder({ 'src/x.ts': '' })
  expect(findProject(join(root, 'src'))).toMatchObject({ root: join(root, 'src'), isGit: false })
})

test('CT-01 a link below .wave is refused, wherever it leads', () => {
  const secret = folder({ secret: 'x' })
  const root = folder({ '.wave/pipelines/a.yaml': '' })
  symlinkSync(join(secret, 'secret'), join(root, '.wave/pipelines/b.yaml'))
  expect(() => projectPipelines(findProject(root))).toThrow(
    expect.objectContaining({ code: 'config-invalid' }),
  )
  symlinkSync(secret, join(root, '.wave/prompts'))
  expect(() => projectFiles(findProject(root)).read('.wave/prompts/secret')).toThrow(
    expect.objectContaining({ code: 'config-invalid' }),
  )
})

test('CT-01 runs cannot be led out of the project by a link that came with it', () => {
  const root = folder({ '.wave/config.yaml': '', 'src/x.ts': '' })
  symlinkSync(folder({}), join(root, '.wave/runs'))
  expect(() => findProject(join(root, 'src'))).toThrow(
    expect.objectContaining({ code: 'config-invalid' }),
  )
})

test.each(['../secret', '.wave/../secret', '/etc/hostname', 'src/x.ts', '.wave//x'])(
  'loaders cannot read %s',
  (path) => {
    const root = folder({ '.wave/x': '', 'src/x.ts': 'x' })
    expect(projectFiles(findProject(root)).read(path)).toBeUndefined()
  },
)

test('pipelines in folders are named by their path', () => {
  const root = folder({ '.wave/pipelines/ops/rollback.yaml': 'a', '.wave/pipelines/notes.txt': '' })
  expect(projectPipelines(findProject(root))).toEqual([
    {
      file: '.wave/pipelines/ops/rollback.yaml',
      name: 'ops/rollback',
      bytes: Buffer.from('a'),
      origin: 'project',
    },
  ])
})

test('a called pipeline is looked for beside its caller, then at the root, then among the bundled', () => {
  const root = folder({
    '.wave/pipelines/ops/rollback.yaml': 'in ops',
    '.wave/pipelines/rollback.yaml': 'at the root',
    '.wave/pipelines/other.yaml': 'other',
  })
  const files = projectFiles(findProject(root))
  const called = (name: string, from: string): unknown => files.pipeline(name, from)?.file
  expect(called('rollback', '.wave/pipelines/ops/check.yaml')).toBe(
    '.wave/pipelines/ops/rollback.yaml',
  )
  expect(called('rollback', '.wave/pipelines/check.yaml')).toBe('.wave/pipelines/rollback.yaml')
  expect(called('ops/rollback', 'p.yaml')).toBe('.wave/pipelines/ops/rollback.yaml')
  expect(called('other', '.wave/pipelines/ops/check.yaml')).toBe('.wave/pipelines/other.yaml')
  expect(files.pipeline('incident-response', 'p.yaml')?.origin).toBe('bundled')
  expect(files.pipeline('none', 'p.yaml')).toBeUndefined()
  expect(files.pipelineNames?.()).toContain('ops/rollback')
})

test('a huge file is read only as far as it takes to refuse it', () => {
  const root = folder({ 'big.yaml': 'x'.repeat(READ_CAP_BYTES * 2) })
  expect(readPipelineAt('big.yaml', root).bytes).toHaveLength(READ_CAP_BYTES)
  expect(() => readPipelineAt('./none.yaml', root)).toThrow(
    expect.objectContaining({ code: 'pipeline-unknown' }),
  )
})

function folder(files: Record<string, string>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'wave-project-')))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}
