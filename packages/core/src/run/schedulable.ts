import type { Task } from './frame.ts'
import type { Schedulable } from './schedule.ts'

/** Whether what starts depends on what the steps before it left: by its condition, or by its tree. */
export function readsRecord({ local: { step }, item }: Task): boolean {
  const { mount } = step
  if (step.when !== undefined || mount?.from !== undefined) return true
  return item !== undefined && mount?.mode === 'readwrite'
}

/** What the schedule needs to know of a task. */
export function schedulable({ planned: { step, dependents } }: Task): Schedulable {
  return { id: step.id, dependencies: step.dependencies, dependents }
}
