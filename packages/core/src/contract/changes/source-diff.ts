import type { Contract } from '../../pipeline/contracts.ts'
import type { ContractContext } from '../context.ts'
import { fails } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { matchesGlob } from './path-glob.ts'

/** `source_diff`: the step's patch touches enough files that match. */
export async function checkSourceDiff(
  contract: Extract<Contract, { readonly type: 'source_diff' }>,
  context: ContractContext,
): Promise<Finding> {
  const { glob, exclude, minFiles } = contract
  const changed = ((await context.patch())?.files ?? []).map(({ path }) => path)
  const matching = changed.filter(
    (path) => matchesGlob(glob, path) && !exclude.some((one) => matchesGlob(one, path)),
  )
  const notes = [`${matching.length} of ${changed.length} changed files match`]
  if (matching.length >= minFiles) return { problems: [], notes }
  const except = exclude.length === 0 ? '' : ` and none of ${exclude.map(quoted).join(', ')}`
  const all = changed.length === 0 ? 'Nothing was changed.' : `Changed: ${listed(changed)}.`
  return fails(
    `${matching.length} changed files match ${quoted(glob)}${except}, and at least ${minFiles} must. ${all}`,
  )
}

function quoted(text: string): string {
  return `"${text}"`
}

function listed(paths: readonly string[]): string {
  const more = paths.length - MAX_LISTED
  return paths.slice(0, MAX_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

const MAX_LISTED = 20
