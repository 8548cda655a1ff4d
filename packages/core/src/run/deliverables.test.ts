import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { succeed } from '../testing/rig.ts'
import { pipelineYaml, promptYaml, runYaml } from '../testing/yaml-run.ts'

let projectRoot: string
beforeEach(() => {
  projectRoot = mkdtempSync(join(tmpdir(), 'wave-deliverables-'))
})
afterEach(() => rmSync(projectRoot, { recursive: true }))

const NOTE = '    output_artifacts: [{name: note, path: output/note.txt}]\n'

const write = () => succeed({ note: 'n' })

test('of a fan-out the list of results stands in the summary, not each item', async () => {
  const yaml = pipelineYaml(promptYaml('each', `    iterate: {over: '["a", "b"]'}\n${NOTE}`))
  const result = await runYaml(yaml, write, { projectRoot })
  expect(result.outcome).toBe('completed')
  expect(leaves(result)).toEqual(['output/note.txt.json'])
  expect(result.delivered.map(({ path }) => path)).toContain('output/note.2.txt')
})

test('of a loop the last round stands in the summary, once', async () => {
  const body = promptYaml('draft', NOTE).replaceAll(/^/gmu, '      ').trimEnd()
  const yaml = pipelineYaml(
    `  - id: polish\n    loop:\n      max_iterations: 2\n      steps:\n${body}\n`,
  )
  const result = await runYaml(yaml, write, { projectRoot })
  expect(result.delivered).toEqual([
    { step: 'polish', name: 'note', path: 'output/note.txt', leaf: true },
  ])
})

function leaves({ delivered }: { delivered: readonly { path: string; leaf: boolean }[] }) {
  return delivered.filter(({ leaf }) => leaf).map(({ path }) => path)
}
