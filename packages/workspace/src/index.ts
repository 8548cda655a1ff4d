export { connectDocker } from './docker/docker-provider.ts'
export type { DockerOptions, DockerWorkspaceProvider } from './docker/docker-provider.ts'
export { DEFAULT_IMAGE } from './docker/image.ts'
export type { Reaped } from './docker/reap.ts'
