import type { Pipeline, Problem, Step } from '@wave/core'
import {
  expressionsOf,
  ProblemsError,
  suggestionHint,
  templatesOf,
  WaveError,
} from '@wave/core/language'

/** Which part of a pipeline is run, and what its gates are answered. */
export interface Selection {
  /** Choices by the id of the gate. */
  readonly answers: Readonly<Record<string, string>>
  /** Steps that the user left out. */
  readonly excluded: ReadonlySet<string>
}

export interface SelectionOptions {
  readonly answer?: readonly string[]
  readonly steps?: string
  readonly exclude?: readonly string[]
}

/** What `--answer`, `--steps` and `--exclude` ask for. Throws when they name what is not there. */
export function selectionOf(pipeline: Pipeline, options: SelectionOptions): Selection {
  const excluded = new Set(splitIds(options.exclude ?? []))
  for (const id of excluded) checkStep(id, '--exclude', pipeline)
  if (options.steps !== undefined) {
    const wanted = new Set(splitIds([options.steps]))
    for (const id of wanted) checkStep(id, '--steps', pipeline)
    for (const { id } of pipeline.steps) if (!wanted.has(id)) excluded.add(id)
  }
  if (pipeline.steps.every(({ id, reworkOnly }) => excluded.has(id) || reworkOnly === true)) {
    throw new WaveError('usage', 'No step is left to run.')
  }
  checkUses(pipeline, excluded)
  return { answers: answersFor(pipeline, options.answer ?? []), excluded }
}

/** What a remaining step reads has to be made by somebody. */
function checkUses(pipeline: Pipeline, excluded: ReadonlySet<string>): void {
  const problems = pipeline.steps
    .filter(({ id }) => !excluded.has(id))
    .flatMap((step) =>
      [...excluded]
        .filter((id) => reads(step, id))
        .map((id): Problem => ({
          code: 'usage',
          message: `Step "${step.id}" needs what step "${id}" makes, and that is left out.`,
          location: step.location,
          hint: `Run "${id}" too, or leave "${step.id}" out as well.`,
        })),
    )
  const [first, ...rest] = problems
  if (first !== undefined) throw new ProblemsError([first, ...rest])
}

function reads(step: Step, id: string): boolean {
  if (step.inject.some((input) => input.step === id && input.optional !== true)) return true
  const texts = [...templatesOf(step), ...expressionsOf(step)]
  const names = [`steps.${id}.artifacts`, `steps["${id}"].artifacts`, `steps['${id}'].artifacts`]
  if (texts.some(({ text }) => names.some((name) => text.includes(name)))) return true
  if (step.kind === 'aggregate') return step.from.some((one) => one.step === id)
  return step.kind === 'loop' && step.steps.some((inner) => reads(inner, id))
}

function splitIds(lists: readonly string[]): readonly string[] {
  return lists.flatMap((list) => list.split(',')).flatMap((id) => id.trim() || [])
}

function checkStep(id: string, flag: string, pipeline: Pipeline): void {
  const ids = pipeline.steps.map((step) => step.id)
  if (ids.includes(id)) return
  throw new WaveError('usage', `${flag} names the unknown step "${id}".`, {
    hint: suggestionHint(id, ids, 'steps'),
  })
}

/** What `--answer` says, by gate. Throws `usage` for what no gate takes. */
export function answersFor(
  pipeline: Pipeline,
  answers: readonly string[],
): Readonly<Record<string, string>> {
  const gates = new Map(gatesOf(pipeline.steps).map((gate) => [gate.id, gate]))
  const read = answers.map((answer): readonly [string, string] => {
    const at = answer.indexOf('=')
    if (at < 1) {
      throw new WaveError('usage', `--answer takes step=choice, not "${answer}".`)
    }
    const [id, choice] = [answer.slice(0, at), answer.slice(at + 1)]
    checkAnswer(id, choice, gates)
    return [id, choice]
  })
  const twice = read.find(([id], index) => read.slice(0, index).some(([other]) => other === id))
  if (twice !== undefined) {
    throw new WaveError('usage', `--answer answers "${twice[0]}" twice.`)
  }
  return Object.fromEntries(read)
}

type Gate = Extract<Step, { readonly kind: 'gate' }>

function checkAnswer(id: string, choice: string, gates: ReadonlyMap<string, Gate>): void {
  // The id in the journal of a gate in a round or a child: `polish#2`, `audit/sign-off`.
  const gate = gates.get(id.replaceAll(/^.*\/|[#[].*$/gu, ''))
  if (gate === undefined) {
    const hint = suggestionHint(id, gates.keys(), 'gates')
    throw new WaveError('usage', `--answer names "${id}", which is no gate.`, { hint })
  }
  const { choices, freeform } = gate.gate
  const keys = choices.map(({ key }) => key)
  // `key:text` where the gate takes a text.
  const chosen = freeform ? choice.replace(/:.*$/su, '') : choice
  if (keys.includes(chosen)) return
  throw new WaveError('usage', `The gate "${id}" has no choice "${chosen}".`, {
    hint: suggestionHint(chosen, keys, 'choices'),
  })
}

/** Those of loops and called pipelines included. */
function gatesOf(steps: readonly Step[]): readonly Gate[] {
  return steps.flatMap((step): readonly Gate[] => {
    if (step.kind === 'gate') return [step]
    if (step.kind === 'loop') return gatesOf(step.steps)
    if (step.kind === 'pipeline') return gatesOf(step.child.steps)
    if (step.kind !== 'branch') return []
    const called = [...Object.values(step.cases), step.otherwise ?? 'skip']
    return called.flatMap((child) => (child === 'skip' ? [] : gatesOf(child.steps)))
  })
}
