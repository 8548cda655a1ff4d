/**
 * Looking at runs that this process does not carry out: which there are, what they recorded, how to follow one.
 * Without the run engine, and without writing anything, so that it starts quickly and disturbs nobody.
 */
export { cleanArtifact } from './artifact/clean.ts'
export { readPrompt } from './agent/read-prompt.ts'
export type { StoredPrompt } from './agent/stored-prompt.ts'
export { readReply } from './agent/stored-reply.ts'
export { compareComponents, explainStep } from './run/cache/explain-step.ts'
export type { ComponentChange, StepExplanation } from './run/cache/explain-step.ts'
export { systemClock } from './run/clock.ts'
export { glanceAtEvents } from './run/journal/glance-at-events.ts'
export type { RunCondition, RunGlance } from './run/journal/glance.ts'
export { JournalTail } from './run/journal/journal-tail.ts'
export { holderOf, openJournalFile, readRunEvents } from './run/journal/run-events.ts'
export { glanceAtRun } from './run/journal/run-glance.ts'
export { findRun, listRuns, runsFolder } from './run/journal/run-list.ts'
export { StoredBytes } from './run/journal/stored-bytes.ts'
export { EMPTY_STATE, fold, foldEvent } from './run/state.ts'
export type { RunState, StepState } from './run/state.ts'
