import type { Pipeline } from '@wave/core'

/** How files call a pipeline: its name, or with the folder that it lies in, as `ops/child`. */
export function calledName({ name, file }: Pick<Pipeline, 'name' | 'file'>): string {
  const [, path] = /^\.wave\/pipelines\/(.+)\.[^./]+$/u.exec(file) ?? []
  return path?.includes('/') === true ? path : name
}
