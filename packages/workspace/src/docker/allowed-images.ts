import { WaveError } from '@wave/core'
import type { Engine } from './engine.ts'
import { resolveImage } from './image.ts'

/** An image that the user allows, as the engine knows it now. */
export interface AllowedImage {
  /** As the user wrote it. */
  readonly reference: string
  readonly digest: string
}

/**
 * Names that a pipeline may write, and what they stand for. A name is resolved once: a tag that moves
 * during a run changes nothing.
 */
export class AllowedImages {
  readonly #engine: Engine
  readonly #references: ReadonlyMap<string, string>
  readonly #fallback: AllowedImage
  readonly #resolved = new Map<string, Promise<AllowedImage>>()
  readonly #digests: Record<string, string> = Object.create(null)

  constructor(
    engine: Engine,
    fallback: AllowedImage,
    references: Readonly<Record<string, string>> = {},
  ) {
    this.#engine = engine
    this.#fallback = fallback
    this.#references = new Map(Object.entries(references))
  }

  /** Digests of the names that were asked for so far. */
  get digests(): Readonly<Record<string, string>> {
    return this.#digests
  }

  /** Undefined asks for the default. Throws `WaveError`: `config-invalid`, `image-missing`, `image-unfit`. */
  resolve(name: string | undefined): Promise<AllowedImage> {
    if (name === undefined) return Promise.resolve(this.#fallback)
    const known = this.#resolved.get(name)
    if (known !== undefined) return known
    const resolving = this.#resolve(name)
    this.#resolved.set(name, resolving)
    resolving.catch(() => this.#resolved.delete(name))
    return resolving
  }

  async #resolve(name: string): Promise<AllowedImage> {
    const reference = this.#references.get(name)
    if (reference === undefined) throw unknown(name, [...this.#references.keys()])
    const digest = await resolveImage(this.#engine, reference)
    this.#digests[name] = digest
    return { reference, digest }
  }
}

/** A pipeline asks for an image that the user's configuration does not name. */
function unknown(name: string, allowed: readonly string[]): WaveError {
  const names = allowed.length === 0 ? 'It names none.' : `It names ${allowed.join(', ')}.`
  return new WaveError('config-invalid', `Your configuration allows no image "${name}".`, {
    hint: `${names} Add it to "sandbox.images" in your configuration, or take "workspace.image" out of the step.`,
  })
}
