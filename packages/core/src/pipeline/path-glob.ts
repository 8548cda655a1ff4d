/** What is wrong with a glob over paths of the repository, if anything. */
export function complainAboutGlob(
  glob: string,
): { readonly message: string; readonly hint: string } | undefined {
  if (/[{}[\]!()^$|+]/u.test(glob)) {
    const hint = 'A glob of a path knows *, ** and ? only; where a list is taken, write each glob.'
    return { message: `has the glob "${glob}", which cannot be read`, hint }
  }
  const isOutside = /^[/~]/u.test(glob) || glob.split('/').includes('..')
  if (isOutside || /[\\\p{C}]/u.test(glob) || glob.trim() === '') {
    const hint = 'Globs are relative to the repository and use "/".'
    return { message: `has the glob "${glob}", which matches no path of the repository`, hint }
  }
  return undefined
}
