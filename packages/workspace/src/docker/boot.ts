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
 * Arguments: length of the archive of injected artifacts, file of the seal, content of the seal.
 * Checks before any tool runs, says `ready` or what is wrong, and waits for the end.
 */
export const TOOLS_BOOT = [
  'for tool in bash git rg tar find dd; do',
  '  command -v "$tool" >/dev/null || { echo "unfit $tool"; exit 1; }',
  'done',
  // The engine silently mounts an empty volume where one is missing.
  'if [ -n "$2" ] && [ "$(cat "$2" 2>/dev/null)" != "$3" ]; then echo unsealed; exit 1; fi',
  'if [ "$1" -gt 0 ]; then',
  '  head -c "$1" | tar -xf - -C /work/artifacts --no-same-owner || { echo "inputs"; exit 1; }',
  'fi',
  'echo ready',
  'exec cat >/dev/null',
].join('\n')
