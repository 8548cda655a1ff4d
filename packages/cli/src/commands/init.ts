import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PipelineFile } from '@wave/core'
import { storageError } from '@wave/core'
import { languageSchemas, schemaFile } from '@wave/core/documents'
import {
  BUNDLED_FILES,
  bundledPersonas,
  bundledPipelines,
  loadPipeline,
  WaveError,
} from '@wave/core/language'
import { PROJECT_CONFIG as CONFIG_SCHEMA } from '../config/schema.ts'
import type { Invocation } from '../invocation.ts'
import { findProject, type Project } from '../project.ts'
import { escapeJson, escapeName } from '../sanitise.ts'
import { PROJECT_CONFIG } from './project-config.ts'

interface InitOptions {
  readonly force?: boolean
}

interface ProjectFile {
  /** Relative to the project's root. */
  readonly path: string
  readonly content: Uint8Array
  /** Nobody's work is in it: it is always brought up to date. */
  readonly isGenerated?: boolean
}

type Written = 'created' | 'overwritten' | 'kept' | 'unchanged'

/** Writes `.wave/`. What is already there stays, unless the user says otherwise. */
export async function init(invocation: Invocation, options: InitOptions): Promise<number> {
  const project = findProject(invocation.cwd)
  const files = filesOf()
  const overwrite = await decideOverwrite(project, files, invocation, options)
  const results = files.map((file) => ({
    path: file.path,
    result: writeProjectFile(project.root, file, overwrite),
  }))
  report(invocation, project, results)
  return 0
}

/** The pipelines, and the personas that they name: what is copied is what is used. */
function filesOf(): readonly ProjectFile[] {
  const pipelines = bundledPipelines()
  const used = new Set(pipelines.flatMap(personasOf))
  const personas = bundledPersonas().filter(({ name }) => used.has(name))
  return [
    { path: '.wave/config.yaml', content: Buffer.from(PROJECT_CONFIG) },
    ...pipelines.map(({ name, bytes }) => ({
      path: `.wave/pipelines/${name}.yaml`,
      content: bytes,
    })),
    ...personas.map(({ name, bytes }) => ({ path: `.wave/personas/${name}.md`, content: bytes })),
    // Named by the first line of the files above; a new version of wave brings new ones.
    ...[...languageSchemas(), schemaFile('config', CONFIG_SCHEMA)].map(({ name, text }) => ({
      path: `.wave/schema/${name}`,
      content: Buffer.from(text),
      isGenerated: true,
    })),
    { path: '.wave/runs/.gitignore', content: Buffer.from('*\n') },
  ]
}

function personasOf(file: PipelineFile): readonly string[] {
  const loaded = loadPipeline(file, BUNDLED_FILES)
  if (!loaded.ok) throw new Error(`Internal error: ${file.file} does not load`)
  return loaded.value.steps.flatMap((step) => (step.kind === 'prompt' ? step.persona : []))
}

async function decideOverwrite(
  project: Project,
  files: readonly ProjectFile[],
  invocation: Invocation,
  options: InitOptions,
): Promise<boolean> {
  if (options.force === true || invocation.yes) return true
  const changed = files.filter(
    (file) => file.isGenerated !== true && stateOf(project.root, file) === 'different',
  )
  if (changed.length === 0 || !invocation.mayAsk) return false
  const { confirm, isCancel } = await import('@clack/prompts')
  const names = changed.map((file) => escapeName(file.path)).join(', ')
  const answer = await confirm({
    message: `${names}: changed since wave wrote them. Overwrite?`,
    initialValue: false,
  })
  if (isCancel(answer)) throw new WaveError('approval-needed', 'Nothing was written.')
  return answer
}

function writeProjectFile(root: string, file: ProjectFile, overwrite: boolean): Written {
  const state = stateOf(root, file)
  if (state === 'same') return 'unchanged'
  if (state === 'different' && !overwrite && file.isGenerated !== true) return 'kept'
  const target = join(root, file.path)
  const mode = file.path.startsWith('.wave/runs/') ? 0o700 : 0o777
  const temporary = `${target}.${process.pid}.tmp`
  try {
    mkdirSync(dirname(dirname(target)), { recursive: true })
    mkdirSync(dirname(target), { recursive: true, mode })
    writeFileSync(temporary, file.content, { flag: 'wx' })
    renameSync(temporary, target)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw storageError(cause, file.path)
  }
  return state === 'absent' ? 'created' : 'overwritten'
}

/** Never follows a link: what a link below `.wave/` names is none of our business. */
function stateOf(root: string, file: ProjectFile): 'absent' | 'same' | 'different' {
  const parts = file.path.split('/')
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const path = parts.slice(0, depth).join('/')
    const state = lstatSync(join(root, path), { throwIfNoEntry: false })
    if (state === undefined) return 'absent'
    const wanted = depth < parts.length ? state.isDirectory() : state.isFile()
    if (!wanted) {
      throw new WaveError('path-unwritable', `"${path}" is in the way.`, {
        hint: `Move it, then run "wave init" again.`,
      })
    }
  }
  return readFileSync(join(root, file.path)).equals(file.content) ? 'same' : 'different'
}

function report(
  invocation: Invocation,
  project: Project,
  results: readonly { path: string; result: Written }[],
): void {
  const { out } = invocation.host
  if (invocation.output === 'json') {
    out.write(`${escapeJson(JSON.stringify({ root: project.root, files: results }))}\n`)
    return
  }
  if (invocation.output === 'quiet') return
  for (const { path, result } of results) {
    if (result !== 'unchanged') out.write(`${result.padEnd(11)} ${path}\n`)
  }
  const unchanged = results.filter(({ result }) => result === 'unchanged').length
  if (unchanged > 0)
    out.write(`${'unchanged'.padEnd(11)} ${unchanged} ${unchanged === 1 ? 'file' : 'files'}\n`)
  if (results.some(({ result }) => result === 'kept')) {
    out.write('Kept files differ from the bundled ones; --force overwrites them.\n')
  }
  if (!project.isGit) {
    out.write('\nThis is not a git repository: wave works, but has no history to investigate.\n')
  }
  out.write(`\n${NEXT}`)
}

const NEXT = `\
Next:
  wave run incident-response "500 errors on /api/orders since 14:30 UTC"

Without a key wave runs in evidence mode: facts from the repository, no language model. With a key, set
ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a local model server in your own configuration.
"wave doctor" tells what is ready and how to get what is not.
`
