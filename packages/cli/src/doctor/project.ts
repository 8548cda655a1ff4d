import { checkProject } from '../commands/validate.ts'
import type { Invocation } from '../invocation.ts'
import type { Project } from '../project.ts'
import { type Check, failure, note, ok } from './check.ts'

/** Every pipeline, persona and setting of the project. */
export async function checkFiles(
  invocation: Invocation,
  project: Project,
): Promise<readonly Check[]> {
  const name = 'project files'
  if (!project.hasWave) {
    return [
      note(name, 'No .wave/ here: bundled pipelines and personas are used.', 'Run "wave init".'),
    ]
  }
  const { checked, problems } = await checkProject(invocation, project, [])
  if (problems.length === 0) {
    const count = checked.length === 0 ? 'none of its own' : `${checked.length} valid`
    return [ok(name, count)]
  }
  return problems.map(({ message, location, hint }) => {
    const place = location === undefined ? '' : ` (${location.file}:${location.line})`
    return failure(name, `${message}${place}`, hint ?? 'Run "wave validate" for all of it.')
  })
}
