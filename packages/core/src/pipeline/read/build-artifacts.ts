import type { ArtifactType } from '../../events.ts'
import type { StepShape } from './build-step.ts'
import type { ArtifactDeclaration } from '../pipeline.ts'
import type { Reading } from './reading.ts'
import type { ShapePath } from '../schema/shape.ts'

/** The artifacts that a step declares. */
export function buildArtifacts(
  shape: StepShape,
  path: ShapePath,
  reading: Reading,
): readonly ArtifactDeclaration[] {
  const names = new Set<string>()
  const paths = new Set<string>()
  const declared: ArtifactDeclaration[] = []
  for (const [index, artifact] of (shape.output_artifacts ?? []).entries()) {
    const at = [...path, 'output_artifacts', index]
    if (reading.isBroken(at)) {
      declared.push(UNREAD)
      continue
    }
    const built = buildArtifact(artifact, at, reading)
    if (names.has(built.name)) {
      const message = `Step "${shape.id}" declares the artifact "${built.name}" twice.`
      reading.report(message, [...at, 'name'])
    }
    // Some file systems see no difference between upper and lower case.
    const place = built.path.toLowerCase().normalize('NFC')
    if (paths.has(place)) {
      const message = `Step "${shape.id}" declares the path "${built.path}" twice.`
      reading.report(message, [...at, 'path'])
    }
    names.add(built.name)
    paths.add(place)
    declared.push(built)
  }
  return declared
}

/** In place of one that cannot be read, which has been told: the others keep their places. */
const UNREAD: ArtifactDeclaration = {
  name: '',
  path: '',
  type: 'text',
  required: false,
  source: 'file',
}

type ArtifactShape = NonNullable<StepShape['output_artifacts']>[number]

function buildArtifact(
  shape: ArtifactShape,
  path: ShapePath,
  reading: Reading,
): ArtifactDeclaration {
  const source = shape.source ?? 'file'
  if (shape.path === undefined && source === 'file') {
    reading.report(`${reading.subject(path)} lacks the required key "path".`, path)
  }
  const place = (shape.path ?? shape.name).replace(/^(?:\.\/)+/u, '')
  const complaint = complainAboutPath(place)
  if (complaint !== undefined) {
    const at = [...path, 'path']
    reading.report(`${reading.subject(at)} ${complaint}, not "${place}".`, at)
  }
  const required = shape.required ?? true
  return { name: shape.name, path: place, type: typeOf(shape), required, source }
}

/** The declared type, or else what the ending of the path says. */
export function typeOf({ name, path = name, type }: ArtifactShape): ArtifactType {
  if (type !== undefined) return type
  if (/\.json$/iu.test(path)) return 'json'
  return /\.(?:md|markdown)$/iu.test(path) ? 'markdown' : 'text'
}

function complainAboutPath(written: string): string | undefined {
  // Only plain names: an expression could make any path. Which names there are, the plan knows.
  const path = written.replaceAll(/\{\{-?\s*[a-z_]+(?:\.[a-z_]+)?\s*-?\}\}/gu, 'x')
  if (path.includes('{{') || path.includes('{%')) {
    return 'must be a path with nothing but names such as {{ iteration }} filled in'
  }
  if (/[\\\p{C}]/u.test(path)) return 'must be a path of printable characters with "/"'
  const segments = path.split('/')
  if (path.startsWith('/') || path.startsWith('~')) return 'must be relative'
  if (segments.some((part) => part === '' || part === '.' || part === '..')) {
    return 'must be a plain path without empty parts, "." and ".."'
  }
  if (segments.some((part) => RESERVED.has(part.toLowerCase()))) {
    return 'must not have a part named ".git" or ".wave"'
  }
  if (segments[0]?.toLowerCase() === 'artifacts') return 'must not lie below "artifacts/"'
  return segments.some((part) => part.length > 200) ? 'must have shorter parts' : undefined
}

const RESERVED = new Set(['.git', '.wave'])
