/** Names that `stand_in: evidence/<name>` can take. Apart from the runner, so that a plan does not load it. */
export const STAND_INS: ReadonlySet<string> = new Set([
  'triage',
  'investigate',
  'root-cause',
  'remediate',
  'postmortem',
])
