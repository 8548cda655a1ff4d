import { changingTrees } from '@wave/workspace'
import { type Check, warning } from './check.ts'

/** Projects whose files a killed apply left neither old nor new, whoever's command will come next there. */
export function checkApplies(dataDir: string): readonly Check[] {
  const killed = changingTrees(dataDir).filter(({ pid }) => pid === undefined)
  return killed.map(({ workTree }) =>
    warning(
      'apply',
      `An apply was stopped in the middle in ${workTree}: its files are neither the old nor the new.`,
      `Run "wave apply --undo <run>" there: it puts them back, as the next "wave run", "resume" or "apply" does.`,
    ),
  )
}
