import type { Persona, Pipeline } from '@wave/core'
import {
  personaDocument,
  pipelineDocument,
  remarksOn,
  workflowForms,
  yamlText,
} from '@wave/core/documents'
import { suggestionHint, WaveError } from '@wave/core/language'
import { allPipelines, choosePipeline, openPersonas, openPipeline } from '../catalog.ts'
import { loadConfig } from '../config/load.ts'
import type { Invocation } from '../invocation.ts'
import { findProject, isPath, type Project } from '../project.ts'
import { escapeJson, sanitiseText } from '../sanitise.ts'

/** One pipeline or persona as wave understood it: defaults filled in, either dialect in the same form. */
export async function show(
  invocation: Invocation,
  _: object,
  [name = '']: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const { ofWorkflow, ...shown } = await find(name, project, invocation.cwd)
  const { out } = invocation.host
  if (config.output === 'json') {
    out.write(`${escapeJson(JSON.stringify({ v: 1, ...shown }))}\n`)
  } else {
    const { kind, origin, file } = shown
    const remarks = [`${kind}, ${origin}: ${file}`, ...shown.remarks]
    out.write(sanitiseText(yamlText(shown.document, remarks, ofWorkflow)))
  }
  return 0
}

interface Shown {
  readonly kind: 'pipeline' | 'persona'
  readonly origin: string
  readonly file: string
  readonly digest: string
  readonly remarks: readonly string[]
  readonly document: Readonly<Record<string, unknown>>
  /** What of it no WavePipeline file can say. */
  readonly ofWorkflow: ReturnType<typeof workflowForms>
}

async function find(name: string, project: Project, cwd: string): Promise<Shown> {
  const pipelines = allPipelines(project).flatMap((file) => file.name ?? [])
  if (isPath(name) || pipelines.includes(name)) {
    const file = choosePipeline(name, project, cwd)
    return showPipeline(await openPipeline(file, project))
  }
  const personas = openPersonas(project)
  const persona = personas.get(name)
  if (persona !== undefined) return showPersona(persona)
  const known = [...pipelines, ...personas.keys()]
  throw new WaveError('pipeline-unknown', `There is no pipeline and no persona "${name}".`, {
    hint: suggestionHint(name, known, 'pipelines and personas'),
  })
}

function showPipeline(pipeline: Pipeline): Shown {
  const { origin, file, digest } = pipeline
  const document = pipelineDocument(pipeline)
  const [remarks, ofWorkflow] = [remarksOn(pipeline), workflowForms(pipeline)]
  return { kind: 'pipeline', origin, file, digest, remarks, document, ofWorkflow }
}

function showPersona(persona: Persona): Shown {
  const { origin, file, digest } = persona
  const document = personaDocument(persona)
  return { kind: 'persona', origin, file, digest, remarks: [], document, ofWorkflow: [] }
}
