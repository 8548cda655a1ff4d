/**
 * What is wrong with a glob over paths of the repository, if anything: it knows `*`, `**`, `?` and
 * `{a,b}`, and what looks like more would be taken literally.
 */
export function complainAboutGlob(
  glob: string,
): { readonly message: string; readonly hint: string } | undefined {
  const isOutside = /^[/~]/u.test(glob) || glob.split('/').includes('..')
  if (isOutside || /[\\\p{C}]/u.test(glob) || glob.trim() === '') {
    const hint = 'Globs are relative to the repository and use "/".'
    return { message: `has the glob "${glob}", which matches no path of the repository`, hint }
  }
  const isMore = /[[\]|]|^[!^]|\$$|[@!?*+]\(/u.test(glob)
  if (!isMore && !/[{}]/u.test(glob.replaceAll(/\{[^{}]*\}/gu, ''))) return undefined
  const hint = 'A glob of a path knows *, **, ? and {a,b} only.'
  return { message: `has the glob "${glob}", which cannot be read`, hint }
}
