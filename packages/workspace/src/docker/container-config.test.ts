import { expect, test } from 'vitest'
import { TOOLS_BOOT } from './boot.ts'
import { containerConfig, type Box } from './container-config.ts'
import { loaderConfig } from './loader-config.ts'

const box: Omit<Box, 'part'> = {
  install: 'install1',
  run: '20261122-140000-a1b2',
  step: 'audit',
  process: '0123456789abcdef',
  attempt: 2,
  instance: 'c0ffee00',
  image: 'sha256:1234',
  cpus: 2,
}
const seal = { file: '/src/.git/wave-sealed', content: 'abcd' }

function tools(source: Extract<Box['part'], { role: 'tools' }>['source']) {
  return containerConfig({
    ...box,
    part: { role: 'tools', source, seals: [seal], inputBytes: 10_240 },
  })
}

const target = '/src'

function mounts(source: Parameters<typeof tools>[0]) {
  return tools(source).HostConfig?.Mounts ?? []
}

const keeper = () => containerConfig({ ...box, part: { role: 'keeper' } })

test('the whole configuration of a read-only sandbox is as reviewed', async () => {
  const config = tools({ kind: 'snapshot', key: 'abcd', target })
  await expect(JSON.stringify(config, null, 2)).toMatchFileSnapshot('./container-config.golden.txt')
})

/** Whatever loosens a sandbox shows in a diff of these two files. */
test('the whole configuration of every other container is as reviewed', async () => {
  const tool = { role: 'tools', source: { kind: 'none' }, seals: [], inputBytes: 0 } as const
  const others = {
    keeper: keeper(),
    'no source': tools({ kind: 'none' }),
    folder: tools({ kind: 'folder', device: '/v/src', target }),
    stack: tools({ kind: 'stack', lowers: ['/t', '/l'], target }),
    overlay: tools({ kind: 'overlay', lowers: ['/t', '/l'], layer: '/u', target }),
    gVisor: containerConfig({ ...box, runtime: 'runsc', part: tool }),
    'users of their own': containerConfig({
      ...box,
      users: { rootUid: 100_000, rootGid: 200_000, isRootless: false },
      part: tool,
    }),
    'no root': containerConfig({
      ...box,
      users: { rootUid: 0, rootGid: 0, isRootless: true },
      part: {
        ...tool,
        source: { kind: 'overlay', lowers: ['/t', '/l'], layer: '/u', target },
      },
    }),
    loader: loaderConfig(
      'wave-loader-abcd',
      { install: 'install1', run: 'run1', process: '0123456789abcdef', image: 'sha256:1234' },
      {
        volume: { key: 'abcd', target: '/snap', holds: 'tree' },
        below: { key: '0123', target: '/below' },
      },
    ),
  }
  const profile = keeper().HostConfig?.SecurityOpt?.[1] ?? 'none'
  // Long, and in the other file.
  const text = JSON.stringify(others, null, 2)
    .replaceAll(JSON.stringify(profile), '"seccomp=…"')
    .replaceAll(JSON.stringify(TOOLS_BOOT), '"…"')
  await expect(text).toMatchFileSnapshot('./other-containers.golden.txt')
})

test('a runtime changes nothing else but how many processes it may have', () => {
  const part = { role: 'keeper' } as const
  const { Runtime, PidsLimit, ...others } =
    containerConfig({ ...box, runtime: 'runsc', part }).HostConfig ?? {}
  expect({ Runtime, PidsLimit }).toEqual({ Runtime: 'runsc', PidsLimit: 1024 })
  expect(keeper().HostConfig).toEqual({ ...others, PidsLimit: 256 })
  const runc = containerConfig({ ...box, runtime: 'runc', part }).HostConfig
  expect(runc).toEqual({ ...keeper().HostConfig, Runtime: 'runc' })
})

test('sources differ in their mounts only', () => {
  const without = (config: ReturnType<typeof tools>) => ({
    ...config,
    HostConfig: { ...config.HostConfig, Mounts: [] },
  })
  const overlay = tools({ kind: 'overlay', lowers: ['/t', '/l'], layer: '/u', target })
  expect(without(overlay)).toEqual(without(tools({ kind: 'snapshot', key: 'abcd', target })))
  expect(without(tools({ kind: 'none' }))).toEqual(without(overlay))
})

test('only an overlay makes the source writable, and nothing is a bind of the host', () => {
  expect(mounts({ kind: 'snapshot', key: 'k', target })[0]).toMatchObject({ ReadOnly: true })
  const [folder] = mounts({ kind: 'folder', device: '/v/src', target })
  expect(folder?.VolumeOptions?.DriverConfig.Options['o']).toBe('bind,ro')
  const [overlay] = mounts({ kind: 'overlay', lowers: ['/t', '/l'], layer: '/u', target })
  expect(overlay?.VolumeOptions?.DriverConfig.Options['o']).toContain(
    'lowerdir=/t:/l,upperdir=/u/upper,workdir=/u/work',
  )
  const [stack] = mounts({ kind: 'stack', lowers: ['/t', '/l'], target })
  expect(stack?.VolumeOptions?.DriverConfig.Options['o']).toMatch(
    /^ro,lowerdir=\/t:\/l,(?!.*upperdir)/,
  )
  for (const { Type } of mounts({ kind: 'none' })) expect(Type).toBe('volume')
})

test('a keeper runs under the same confinement and sees only the layer', () => {
  const { Mounts: kept, ...confinement } = keeper().HostConfig ?? {}
  expect(kept?.map((mount) => mount.Target)).toEqual(['/layer'])
  expect(tools({ kind: 'none' }).HostConfig).toMatchObject(confinement)
})
