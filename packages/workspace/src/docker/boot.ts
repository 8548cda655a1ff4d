/**
 * What the first process of a container does. It ends when its standard input does: the container
 * lives only while wave holds that stream, and dies with wave, however wave dies.
 */

/** Makes the layer's two folders, says so, and waits for the end. */
export const KEEPER_BOOT = [
  'mkdir /layer/upper /layer/work || exit 1',
  'echo ready',
  'exec cat >/dev/null',
].join('\n')

/**
 * Arguments: length of the archive of injected artifacts, then file and content of each seal.
 * Checks before any tool runs, says `ready` or what is wrong, and waits for the end.
 */
export const TOOLS_BOOT = [
  'for tool in bash git rg tar find dd; do',
  '  command -v "$tool" >/dev/null || { echo "unfit $tool"; exit 1; }',
  'done',
  'bytes=$1; shift',
  // The engine silently mounts an empty volume where one is missing.
  'while [ $# -gt 1 ]; do',
  '  if [ "$(cat "$1" 2>/dev/null)" != "$2" ]; then echo unsealed; exit 1; fi',
  '  shift 2',
  'done',
  'if [ "$bytes" -gt 0 ]; then',
  '  head -c "$bytes" | tar -xf - -C /work/artifacts --no-same-owner || { echo "inputs"; exit 1; }',
  'fi',
  // Long outputs of tools are kept here, beside what was injected and apart from what the step makes.
  'mkdir -m 1777 /work/artifacts/_calls || { echo "calls"; exit 1; }',
  'echo ready',
  'exec cat >/dev/null',
].join('\n')
