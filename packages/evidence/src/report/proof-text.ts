import type { TestRun } from '../proof.ts'
import type { Remedy } from '../remedy.ts'
import { block, code, short } from './markdown.ts'

/** What the proof showed, run by run. */
export function proofSection({ proof, verdict, suspect: proposed }: Remedy): string {
  switch (proof.kind) {
    case 'not-run':
      return `Not run: ${proof.because}.${proposed === undefined ? '' : ' The remediation is proposed, unproven.'}`
    case 'recorded':
      return verdict === 'confirmed'
        ? 'The remediation step saw the reproduction fail, pass without the commit, and fail again with it.'
        : 'Unproven; see the remediation.'
    case 'not-reproduced':
      return `${code(proof.command)} passes on the current state (${runText(proof.before)}), so it does not reproduce the symptom and proves nothing.`
    case 'proven':
      return [
        `Command: ${code(proof.command)}`,
        [
          `1. As it is: ${runText(proof.before)}`,
          `2. Without commit ${short(proof.suspect.commit.id)}: ${runText(proof.after)}`,
          `3. With the commit put back: ${runText(proof.restored)}`,
        ].join('\n'),
        `Output of run 1, its last lines:\n\n${tail(proof.before)}`,
      ].join('\n\n')
    case 'not-proven':
      return [
        `Command: ${code(proof.command)}`,
        [
          `- As it is: ${runText(proof.before)}`,
          ...proof.tried.map(
            ({ suspect, after, because }) =>
              `- Without commit ${short(suspect.commit.id)}: ${runText(after)}; ${because}`,
          ),
        ].join('\n'),
        `Output of the first run, its last lines:\n\n${tail(proof.before)}`,
      ].join('\n\n')
    default:
      return proof satisfies never
  }
}

/** One sentence for the summary. */
export function proofSentence({ proof, verdict, suspect }: Remedy): string {
  if (verdict === 'confirmed' && suspect !== undefined) {
    return `Reverting commit ${short(suspect.commit.id)} is proven to help: the reproduction fails with it and passes without it.`
  }
  if (proof.kind === 'not-proven') return 'No revert that was tried made the reproduction pass.'
  if (suspect === undefined)
    return 'No change is proposed: no suspect commit was found whose revert applies cleanly.'
  return `Reverting commit ${short(suspect.commit.id)} is proposed, unproven.`
}

function runText({ exitCode, stopped, tests }: TestRun): string {
  const outcome = exitCode === 0 ? 'passes' : 'fails'
  const end = stopped === undefined ? `exit code ${exitCode ?? 'unknown'}` : `stopped: ${stopped}`
  return `${outcome} (${end}, ${tests === undefined ? 'number of tests unknown' : `${tests} tests`})`
}

function tail({ tail: lines }: TestRun): string {
  return block(lines.map((text, index) => ({ mark: index + 1, text })))
}
