import { offeredTools } from '../../persona/permissions.ts'
import type { ToolName } from '../../persona/persona.ts'
import type { Contract, JudgedContract } from '../pipeline.ts'
import type { Judge } from './plan.ts'
import { askingAt, findPersona, reportNoModel, resolveModels } from './plan-session.ts'
import type { Asking, PlacedStep, PlanSession } from './plan-session.ts'
import { renderPersona } from './plan-templates.ts'

/** Whom the contracts of a step ask. Unknown personas and models go to the session. */
export function planJudges(
  placed: PlacedStep,
  session: PlanSession,
): ReadonlyMap<Contract, Judge> | undefined {
  const judges = new Map<Contract, Judge>()
  for (const [index, contract] of placed.step.contracts.entries()) {
    if (contract.type !== 'llm_judge' && contract.type !== 'agent_review') continue
    const subject = `The contract "${contract.type}" of step "${placed.step.id}"`
    const asking = askingAt(placed, ['handover', 'contracts', index], subject)
    const judge = planJudge(contract, placed, { session, asking })
    if (judge !== undefined) judges.set(contract, judge)
  }
  return judges.size === 0 ? undefined : judges
}

function planJudge(
  contract: JudgedContract,
  { step }: PlacedStep,
  { session, asking }: { readonly session: PlanSession; readonly asking: Asking },
): Judge | undefined {
  if (!session.context.hasModels) reportNoModel(session, asking)
  if (contract.type === 'llm_judge') {
    const { name, fallbacks } = contract.model
    const models = resolveModels([name, ...fallbacks], session, asking)
    return { models, persona: undefined, systemPrompt: '', tools: [] }
  }
  const persona = findPersona(contract.persona, session, asking)
  if (persona === undefined) return undefined
  return {
    models: resolveModels([persona.model], session, asking),
    persona,
    systemPrompt: renderPersona(persona, session),
    tools: offeredTools([persona.permissions]).filter((tool) => canReview(tool, step.mount)),
  }
}

/** A reviewer looks at what the step left, and changes nothing. */
function canReview(tool: ToolName, mount: unknown): boolean {
  if (tool === 'edit' || tool === 'write') return false
  return tool === 'bash' || mount !== undefined
}
