import { WaveError } from '@wave/core/language'
import { choosePipeline, openPipeline } from '../catalog.ts'
import { loadConfig } from '../config/load.ts'
import { graphOf } from '../graph/graph.ts'
import type { Invocation } from '../invocation.ts'
import { findProject } from '../project.ts'
import type { Environment } from '@wave/core/redaction'
import { escapeJson } from '../sanitise.ts'

/** What is not shown on a terminal is likely read in one, or in a file. */
const PIPE_COLUMNS = 120

interface GraphOptions {
  readonly format: 'text' | 'mermaid' | 'svg'
}

/** Draws a pipeline. Needs no model and no Docker. */
export async function graph(
  invocation: Invocation,
  options: GraphOptions,
  words: readonly string[],
): Promise<number> {
  const project = findProject(invocation.cwd)
  const config = await loadConfig(invocation, project)
  const word = words[0] ?? config.defaultPipeline ?? noPipeline()
  const file = choosePipeline(word, project, invocation.cwd)
  const pipeline = await openPipeline(file, project)
  const drawn = graphOf(pipeline)
  const { out, env } = invocation.host
  if (options.format === 'mermaid') {
    const { renderMermaid } = await import('../graph/mermaid.ts')
    out.write(renderMermaid(drawn, `Pipeline ${pipeline.name}`))
  } else if (options.format === 'svg') {
    const { renderSvg } = await import('../graph/svg.ts')
    out.write(renderSvg(drawn, `Pipeline ${pipeline.name}`))
  } else if (config.output === 'json') {
    out.write(`${escapeJson(JSON.stringify({ v: 1, pipeline: pipeline.name, ...drawn }))}\n`)
  } else {
    const { renderGraph } = await import('../graph/text.ts')
    const { ASCII, UNICODE } = await import('../graph/canvas.ts')
    const glyphs = showsUnicode(env) ? UNICODE : ASCII
    const columns = out.isTerminal ? out.columns : PIPE_COLUMNS
    out.write(renderGraph(drawn, { columns, glyphs }))
  }
  return 0
}

function noPipeline(): never {
  throw new WaveError('usage', 'No pipeline was named.', {
    hint: 'Name one: wave graph <pipeline>. "wave list pipelines" shows them.',
  })
}

/** What the locale says; of its variables the first that is set decides. */
function showsUnicode(env: Environment): boolean {
  if (env['TERM'] === 'dumb') return false
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /utf-?8/i.test(locale)
}
