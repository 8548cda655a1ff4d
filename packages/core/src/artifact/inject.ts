import type { ArtifactRef, ArtifactType } from '../events.ts'
import type { Injection } from '../pipeline/pipeline.ts'
import type { ArtifactStore, InjectedArtifact } from '../ports.ts'

/** An artifact of a completed step, as recorded. */
export interface KnownArtifact extends ArtifactRef {
  readonly name: string
  readonly type: ArtifactType
}

/** Facts that wave collected before the first step. */
const FACTS_ALIAS = '_facts'

/**
 * The artifacts that a step asked for, read from the store and verified, in declaration order. The
 * scheduler's need rule has made sure that they exist.
 */
export function injectArtifacts(
  injections: readonly Injection[],
  find: (step: string, artifact: string) => KnownArtifact | undefined,
  store: ArtifactStore,
): readonly InjectedArtifact[] {
  return injections.flatMap((injection) => {
    const found = find(injection.step, injection.artifact)
    if (found === undefined) return []
    const ref = { digest: found.digest, sizeBytes: found.sizeBytes }
    const { as, step: origin } = injection
    return [{ as, type: found.type, ref, path: artifactPath(as), content: store.get(ref), origin }]
  })
}

/** Content that no step has stored under a name of its own. */
export function injectContent(
  what: { readonly as: string; readonly type: ArtifactType; readonly origin: string },
  content: Uint8Array,
  store: ArtifactStore,
): InjectedArtifact {
  return { ...what, ref: store.put(content), path: artifactPath(what.as), content }
}

/** The facts as an input artifact of their own. */
export function injectFacts(facts: Uint8Array, store: ArtifactStore): InjectedArtifact {
  const first = Buffer.from(facts.subarray(0, 64)).toString('utf8').trimStart()[0]
  return {
    as: FACTS_ALIAS,
    type: first === '{' || first === '[' ? 'json' : 'markdown',
    ref: store.put(facts),
    path: artifactPath(FACTS_ALIAS),
    content: facts,
    origin: 'wave',
  }
}

/** Where an injected artifact lies in the workspace. */
export function artifactPath(as: string): string {
  return `/work/artifacts/${as}`
}

/**
 * Which inputs stand in the prompt in full, in declaration order: valid UTF-8, at most 16 KiB each and
 * 64 KiB together. The others are named by path only.
 */
export function inlineInputs(
  inputs: readonly InjectedArtifact[],
): readonly { readonly artifact: InjectedArtifact; readonly inline: boolean }[] {
  let left = MAX_INLINE_TOTAL_BYTES
  return inputs.map((artifact) => {
    const size = artifact.content.byteLength
    const inline = size <= Math.min(MAX_INLINE_BYTES, left) && isText(artifact.content)
    if (inline) left -= size
    return { artifact, inline }
  })
}

const MAX_INLINE_BYTES = 16 * 1024
const MAX_INLINE_TOTAL_BYTES = 64 * 1024

function isText(content: Uint8Array): boolean {
  if (content.includes(0)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content)
    return true
  } catch {
    return false
  }
}
