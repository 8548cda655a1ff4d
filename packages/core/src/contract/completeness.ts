/** What a report has to rest on and does not exist. Empty: all of it is there. */
export function checkCompleteness(
  requires: readonly { readonly step: string; readonly artifact: string }[],
  find: (step: string, artifact: string) => Uint8Array | undefined,
): readonly string[] {
  return requires
    .filter(({ step, artifact }) => find(step, artifact) === undefined)
    .map(
      ({ step, artifact }) =>
        `The artifact "${artifact}" of step "${step}" does not exist, and this must not close without it.`,
    )
}
