import { createModelCatalog } from '@wave/models/catalog'
import { allPipelines, filesFor, openPersonas } from '../catalog.ts'
import { Callers } from '../called.ts'
import { type Config, loadConfig } from '../config/load.ts'
import { modelsConfig } from '../config/models.ts'
import type { Invocation } from '../invocation.ts'
import { findProject, type Project } from '../project.ts'
import { renderRows } from '../render/rows.ts'
import { escapeJson } from '../sanitise.ts'
import { loadPipeline, suggestionHint, WaveError } from '@wave/core/language'

const KINDS = ['pipelines', 'personas', 'models'] as const

/** Names with their origin. A pipeline that does not load is listed with that remark. */
export async function list(
  invocation: Invocation,
  _: object,
  [wanted]: readonly string[],
): Promise<number> {
  const kind = KINDS.find((known) => known === wanted)
  if (wanted !== undefined && kind === undefined) {
    const hint = suggestionHint(wanted, KINDS, 'lists')
    throw new WaveError('usage', `There is no list of "${wanted}".`, { hint })
  }
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const lists = {
    pipelines: () => listPipelines(project),
    personas: () => listPersonas(project),
    models: () => listModels(config, invocation),
  }
  const chosen = KINDS.filter((known) => kind === undefined || known === kind)
  const result = Object.fromEntries(chosen.map((name) => [name, lists[name]()]))
  if (config.output === 'json') {
    invocation.host.out.write(`${escapeJson(JSON.stringify(result))}\n`)
  } else {
    invocation.host.out.write(renderLists(result, kind !== undefined))
  }
  return await Promise.resolve(0)
}

interface Listed {
  readonly name: string
  readonly origin: string
  readonly description: string
  /** Of a pipeline. */
  readonly category?: string | undefined
  readonly disabled?: true | undefined
}

function listPipelines(project: Project): readonly Listed[] {
  const callers = new Callers(project)
  return allPipelines(project).map((file): Listed => {
    const loaded = loadPipeline(file, filesFor(file, project))
    const name = file.name ?? file.file
    const { origin } = file
    const pipeline = loaded.ok ? loaded.value : callers.of(file)?.pipeline
    if (pipeline === undefined) return { name, origin, description: 'invalid; see "wave validate"' }
    const { description, category, disabled } = pipeline
    return {
      name,
      origin,
      description,
      category: category === '' ? undefined : category,
      disabled: disabled || undefined,
    }
  })
}

function listPersonas(project: Project): readonly Listed[] {
  return [...openPersonas(project).values()].map(({ name, origin, description }) => ({
    name,
    origin,
    description,
  }))
}

function listModels(config: Config, invocation: Invocation): readonly Listed[] {
  const catalog = createModelCatalog(modelsConfig(config.user), invocation.host.env)
  return catalog.list().map((model) => ({
    name: model.name,
    origin: `${model.provider}/${model.model}`,
    description: [
      `${Math.round(model.contextTokens / 1000)}k context`,
      ...(model.price === undefined ? ['price unknown'] : []),
      ...(model.usable ? [] : ['no key']),
      ...(model.isDefault ? ['default'] : []),
    ].join(', '),
  }))
}

function renderLists(lists: Readonly<Record<string, readonly Listed[]>>, bare: boolean): string {
  return Object.entries(lists)
    .map(([kind, rows]) => {
      const cells = rows.map((row) => [row.name, row.origin, ...categories(row, rows), about(row)])
      const body = rows.length === 0 ? EMPTY[kind] : renderRows(cells, bare ? '' : '  ')
      return bare ? body : `${kind}\n${body}`
    })
    .join(bare ? '' : '\n')
}

/** A column only where one of the rows has a category. */
function categories({ category = '-' }: Listed, rows: readonly Listed[]): readonly string[] {
  return rows.some((row) => row.category !== undefined) ? [category] : []
}

function about({ description, disabled }: Listed): string {
  return disabled === true ? `${description} (disabled)`.trimStart() : description
}

const EMPTY: Readonly<Record<string, string>> = {
  models: '  none: no key is set and no provider configured, so pipelines run in evidence mode\n',
}
