import { join } from 'node:path'
import { checkContent } from './check-content.ts'
import { readFrozenList } from './frozen-files.ts'
import { namedContents } from './named-contents.ts'
import { count, several } from './verify-check.ts'
import type { RecordedRun, VerifyCheck } from './verify-check.ts'

/** Every content that an event names is in the store, as it was. */
export function verifyStore({ directory, events }: RecordedRun): VerifyCheck {
  const named = namedContents(events)
  const problems = named.flatMap(({ where, ...ref }) => {
    const problem = checkContent(join(directory, 'store'), ref)
    return problem === undefined
      ? []
      : [`${ref.digest.slice(0, 12)}, named by ${where}, ${problem}`]
  })
  const message =
    problems.length === 0
      ? `${count(named.length, 'content')} that the journal names, each as it was stored.`
      : `${problems.length} of ${count(named.length, 'content')}: ${several(problems)}.`
  return { name: 'store', level: problems.length === 0 ? 'ok' : 'error', message }
}

/** The files of `.wave/` that the run was started with are there, as they were. */
export function verifyFrozen({ directory, state }: RecordedRun): readonly VerifyCheck[] {
  const frozen = state.started?.frozen
  if (frozen === undefined) return []
  const folder = join(directory, 'frozen')
  const problem = checkContent(folder, frozen)
  if (problem !== undefined) {
    return [{ name: 'frozen', level: 'error', message: `The list of frozen files ${problem}.` }]
  }
  const files = readFrozenList(folder, frozen)
  if (files === undefined) {
    return [{ name: 'frozen', level: 'error', message: 'The list of frozen files is not one.' }]
  }
  const problems = files.flatMap(([path, ref]) => {
    const found = checkContent(folder, ref)
    return found === undefined ? [] : [`${path} ${found}`]
  })
  const message =
    problems.length === 0
      ? `${count(files.length, 'file')} of the start, as they were.`
      : `${problems.length} of ${count(files.length, 'file')}: ${several(problems)}.`
  return [{ name: 'frozen', level: problems.length === 0 ? 'ok' : 'error', message }]
}
