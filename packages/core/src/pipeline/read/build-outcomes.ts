import { suggestionHint } from '../../suggest.ts'
import type { StepShape } from './build-step.ts'
import { findArtifact } from './contract-entry.ts'
import type { Surroundings } from './contract-entry.ts'
import type { OutcomeDeclaration } from '../pipeline.ts'
import type { ShapePath } from '../schema/shape.ts'

/**
 * What of a step's artifacts the summary shows. What a step hands over that calls others is for the
 * wiring to say.
 */
export function buildOutcomes(
  shape: StepShape,
  path: ShapePath,
  { artifacts, reading }: Pick<Surroundings, 'artifacts' | 'reading'>,
): readonly OutcomeDeclaration[] {
  const callsOthers = ['pipeline', 'branch', 'loop'].some((key) => reading.has([...path, key]))
  // All items together are a JSON list.
  const isFanOut = shape.iterate !== undefined || shape.strategy !== undefined
  return (shape.outcomes ?? []).flatMap((outcome, index) => {
    if (reading.isBroken([...path, 'outcomes', index])) return []
    const { type, label, json_path: jsonPath, extract_from: written } = outcome
    const at = [...path, 'outcomes', index]
    const found = findArtifact(written, artifacts)
    if (found === undefined && !callsOthers && !reading.unlisted.has(shape.id)) {
      const names = artifacts.map((artifact) => artifact.name)
      const hint = suggestionHint(written, names, 'artifacts of this step')
      const complaint = `names the artifact "${written}", which this step does not declare`
      report([...at, 'extract_from'], complaint, hint)
    }
    const isText = found !== undefined && found.type !== 'json' && !isFanOut && !callsOthers
    if (isText && jsonPath !== undefined) {
      const hint = 'Leave it out, or declare the artifact with `type: json`.'
      report([...at, 'json_path'], `reads the artifact "${found.name}", which is not JSON`, hint)
    }
    return { type, extractFrom: found?.name ?? written, jsonPath, label }
  })

  function report(place: ShapePath, complaint: string, hint: string): void {
    reading.report(`${reading.subject(place)} ${complaint}.`, place, hint)
  }
}
