import type { RunEvent, StepHeader } from '../events.ts'
import type { AuditActor, AuditRef } from './audit-entry.ts'

/** What earlier events said of those that act in later ones. */
export class Acquaintance {
  readonly #roles = new Map<string, string>()
  readonly #tools = new Map<string, string>()
  readonly #artifacts = new Map<string, AuditRef>()

  meet(event: RunEvent): void {
    if (event.type === 'run-started' || event.type === 'steps-added') this.#learn(event.steps)
    if (event.type === 'tool-call') this.#tools.set(key(event.step, event.call), event.tool)
    if (event.type !== 'step-succeeded') return
    for (const { name, path, digest, sizeBytes } of event.artifacts) {
      this.#artifacts.set(key(event.step, name), { name: path, digest, sizeBytes })
    }
  }

  step(id: string): AuditActor {
    const role = this.#roles.get(id)
    return { kind: 'step', name: id, ...(role !== undefined && { role }) }
  }

  tool(step: string, call: string): AuditActor {
    return { kind: 'tool', name: this.#tools.get(key(step, call)) ?? call }
  }

  artifact(step: string, name: string): AuditRef | undefined {
    return this.#artifacts.get(key(step, name))
  }

  #learn(steps: readonly StepHeader[]): void {
    for (const { id, role } of steps) this.#roles.set(id, role)
  }
}

function key(step: string, name: string): string {
  return `${step}\0${name}`
}
