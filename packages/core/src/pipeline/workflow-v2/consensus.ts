import type {
  AggregateStep,
  ArtifactDeclaration,
  LoopStep,
  ModelChoice,
  PromptStep,
  VoteStrategy,
} from '../pipeline.ts'
import { onlyBracketValues } from './announced.ts'
import type { FieldUse } from './demand.ts'
import { commonOf, promptOf, textArtifact } from './lower-run.ts'
import type { Lowering } from './lower-run.ts'
import { checkWait, DEFAULT_TIMEOUT_MS, ONCE, waitMs } from './settings.ts'
import type { Draft } from './draft.ts'
import type { ConsensusBody, Unit } from './unit.ts'
import type { ConsensusShape, ExecutionShape } from './workflow-schema.ts'

type ConsensusUnit = Unit & { readonly body: ConsensusBody }

/** The answers that count: declared, shown by the prompt, or compared with somewhere. */
export function verdictsOf(
  unit: ConsensusUnit,
  compared: readonly FieldUse[],
): readonly string[] | undefined {
  const shown = unit.shape.wave?.verdicts ?? onlyBracketValues(unit.body.task.text)
  if (shown !== undefined) return shown
  const literals = new Set(compared.flatMap((use) => (use.as === 'literal' ? [use.value] : [])))
  return literals.size >= 2 ? [...literals] : undefined
}

/** One round of ballots and their count; in a loop, so that a retry asks all of them again. */
export function lowerConsensus(
  unit: ConsensusUnit,
  verdicts: readonly string[] | undefined,
  lowering: Lowering,
): LoopStep {
  const { executions } = unit.body.shape
  checkBallots(unit.body, lowering.draft)
  const ballots = executions.map((_, index) => ballotOf(unit, index, lowering))
  const chained = lowering.shape.execution?.parallel === true ? ballots : chain(ballots)
  const vote = voteOf(unit, ballots, { verdicts, lowering })
  return {
    ...commonOf(unit, lowering),
    kind: 'loop',
    shownAs: 'consensus',
    artifacts: [...ballots.flatMap(({ artifacts }) => artifacts), ...vote.artifacts],
    timeoutMs: ballots.reduce((sum, { timeoutMs }) => sum + timeoutMs, 0),
    maxIterations: 1,
    until: undefined,
    onExhausted: 'continue',
    steps: [...chained, vote],
  }
}

function ballotOf(unit: ConsensusUnit, index: number, lowering: Lowering): PromptStep {
  const { execution = {} } = lowering.shape
  const { shape, body } = unit
  const ballot = body.shape.executions[index]
  if (ballot === undefined) throw new Error('Internal error: a ballot that is not there')
  const number = index + 1
  const timeout = ballot.timeout ?? body.shape.timeout ?? shape.timeout ?? execution.timeout
  const { when: _, ...common } = commonOf(unit, lowering)
  return {
    ...common,
    ...promptOf(unit, lowering),
    id: `${unit.name}-${number}`,
    dependencies: [],
    task: lowering.rewriter.text(body.task, unit),
    model: modelOfBallot(ballot, unit, execution),
    artifacts: [ballotArtifact(number)],
    retry: { ...ONCE, onFailure: 'ignore' },
    timeoutMs: waitMs(timeout) ?? DEFAULT_TIMEOUT_MS,
    message: `Ballot ${number} cast`,
  }
}

function ballotArtifact(number: number): ArtifactDeclaration {
  const name = `ballot-${number}`
  return { name, path: `${name}.md`, type: 'text', required: true, source: 'stdout' }
}

function modelOfBallot(
  ballot: ConsensusShape['executions'][number],
  { shape }: Unit,
  execution: ExecutionShape,
): ModelChoice {
  const temperature = ballot.temperature ?? shape.temperature ?? execution.temperature
  return {
    name: `${ballot.provider}/${ballot.model}`,
    // A substitute would vote in another's name.
    fallbacks: [],
    ...(temperature === undefined ? {} : { temperature }),
    maxOutputTokens: ballot.max_tokens ?? shape.max_tokens ?? execution.max_tokens,
    effort: undefined,
  }
}

/** One after another, whatever becomes of each. */
function chain(ballots: readonly PromptStep[]): readonly PromptStep[] {
  return ballots.map((ballot, index) => {
    const before = ballots[index - 1]
    return before === undefined ? ballot : { ...ballot, dependencies: [before.id] }
  })
}

function voteOf(
  unit: ConsensusUnit,
  ballots: readonly PromptStep[],
  at: { readonly verdicts: readonly string[] | undefined; readonly lowering: Lowering },
): AggregateStep {
  const { shape } = unit.body
  const { when: _, ...common } = commonOf(unit, at.lowering)
  const strategy: VoteStrategy = {
    type: 'vote',
    require: requirementOf(shape.require),
    allowPartial: shape.allow_partial ?? false,
    verdicts: at.verdicts,
    field: 'verdict',
  }
  return {
    ...common,
    kind: 'aggregate',
    id: `${unit.name}-vote`,
    dependencies: ballots.map(({ id }) => id),
    artifacts: [
      { name: 'fields', path: 'fields.json', type: 'json', required: true, source: 'file' },
      { ...textArtifact(unit, at.lowering), source: 'file' },
    ],
    retry: ONCE,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    message: 'Votes counted',
    from: ballots.map(({ id }, index) => ({ step: id, artifact: `ballot-${index + 1}` })),
    strategy,
  }
}

function requirementOf(require: string): VoteStrategy['require'] {
  if (require === 'unanimous' || require === 'majority') return require
  const [votes = 1, of = 1] = require.split('/').map(Number)
  return { votes, of }
}

function checkBallots({ shape, path }: ConsensusBody, draft: Draft): void {
  const requirement = requirementOf(shape.require)
  if (typeof requirement === 'object') {
    const { votes, of } = requirement
    if (votes < 1 || votes > of) {
      const message = `${draft.subject([...path, 'require'])} must be a share, not "${shape.require}".`
      draft.report(message, [...path, 'require'], 'Write a number of votes of a number, as "2/3".')
    }
  }
  checkWait(shape.timeout, [...path, 'timeout'], draft)
  const seen = new Map<string, number>()
  for (const [index, { provider, model, timeout }] of shape.executions.entries()) {
    const at = [...path, 'executions', index]
    checkWait(timeout, [...at, 'timeout'], draft)
    const binding = `${provider}/${model}`
    const other = seen.get(binding)
    seen.set(binding, other ?? index + 1)
    if (other === undefined) continue
    const message = `Ballots ${other} and ${index + 1} ask the same model ${binding}: they are not independent.`
    draft.notice(message, at)
  }
}
