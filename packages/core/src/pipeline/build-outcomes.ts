import { suggestionHint } from '../suggest.ts'
import type { StepShape } from './build-step.ts'
import { findArtifact } from './contract-entry.ts'
import type { OutcomeDeclaration } from './pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from './shape.ts'

/**
 * What of a step's artifacts the summary shows. Of a step that calls others, whose artifacts are theirs,
 * the names are for the wiring to check.
 */
export function buildOutcomes(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): readonly OutcomeDeclaration[] {
  const artifacts = artifactsOf(shape, path, reading)
  const callsOthers = ['pipeline', 'branch', 'loop'].some((key) => reading.has([...path, key]))
  return (shape.outcomes ?? []).map((outcome, index) => {
    const { type, label, json_path: jsonPath, extract_from: written } = outcome
    const at = [...path, 'outcomes', index]
    const found = findArtifact(written, artifacts)
    if (found === undefined && !callsOthers) {
      const names = artifacts.map((artifact) => artifact.name)
      const hint = suggestionHint(written, names, 'artifacts of this step')
      const complaint = `names the artifact "${written}", which this step does not declare`
      report([...at, 'extract_from'], complaint, hint)
    }
    if (found?.isJson === false && jsonPath !== undefined) {
      const hint = 'Leave it out, or declare the artifact with `type: json`.'
      report([...at, 'json_path'], `reads the artifact "${found.name}", which is not JSON`, hint)
    }
    return { type, extractFrom: found?.name ?? written, jsonPath, label }
  })

  function report(place: ShapePath, complaint: string, hint: string): void {
    reading.report(`${reading.subject(place)} ${complaint}.`, place, hint)
  }
}

interface Source {
  readonly name: string
  readonly path?: string
  readonly isJson: boolean
}

function artifactsOf(shape: StepShape, path: ShapePath, reading: Reading): readonly Source[] {
  const declared = (shape.output_artifacts ?? []).map(({ name, path: place = name, type }) => ({
    name,
    path: place,
    isJson: type === undefined ? /\.json$/iu.test(place) : type === 'json',
  }))
  // What a gate was answered with.
  return reading.has([...path, 'gate']) ? [...declared, { name: 'answer', isJson: true }] : declared
}
