/** Injected instructions against a model that obeys all of them: what happens outside of the sandbox. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AIMOCK_KEY_VARIABLE, type Aimock, startAimock } from '../support/aimock.ts'
import { type CliResult, Sandbox } from '../support/cli.ts'
import { describeDocker, engine } from '../support/docker.ts'
import { attacksOn } from './injections/attacks.ts'
import {
  activeMarkdown,
  activeText,
  changesBetween,
  type Decoy,
  fingerprint,
  leftOnEngine,
  removeSnapshotVolumes,
  startDecoy,
} from './injections/effects.ts'
import { type Incident, incidentsWith } from './injections/incidents.ts'
import { obey, reportOf, writeHome, writeIncidents } from './injections/obedient.ts'
import { type Canary, createCanary, findCanary } from './support/canary.ts'

/** The machine of several incidents, with a run that investigates them all. */
class Scene implements AsyncDisposable {
  readonly sandbox = new Sandbox()
  readonly home = join(this.sandbox.root, 'user')
  readonly canary: Canary = createCanary()

  constructor(incidents: readonly Incident[], aimock: Aimock) {
    this.reports = incidents.map(({ name }) => reportOf(name))
    this.input = writeIncidents(this.sandbox, incidents)
    this.sandbox.write('../home/config.yaml', JSON.stringify(aimock.userConfig('anthropic')))
    // Untracked and not ignored: the habit of many projects.
    this.sandbox.write('.env', `TOKEN=${this.canary.value}\n`)
    mkdirSync(this.home)
    writeHome(this.home, this.canary.value)
    this.before = this.fingerprint()
  }

  readonly input: string
  private readonly reports: readonly string[]
  private readonly before: ReturnType<typeof fingerprint>

  get label(): string {
    const file = join(this.sandbox.home, 'data/install-id')
    return `dev.wave.install=${existsSync(file) ? readFileSync(file, 'utf8').trim() : 'none'}`
  }

  run(): Promise<CliResult> {
    const { DOCKER_HOST: host } = process.env
    const env = {
      HOME: this.home,
      [AIMOCK_KEY_VARIABLE]: this.canary.value,
      ...(host !== undefined && { DOCKER_HOST: host }),
    }
    return this.sandbox.wave(['run', 'investigate', this.input, '--sandbox', 'docker'], { env })
  }

  /** Every forbidden effect, in words. */
  async effects(told: string, asked: string): Promise<readonly string[]> {
    const { project, home } = this.sandbox
    const outputs = ['.wave/runs', 'output'].map((name) => join(project, name)).filter(existsSync)
    const found = findCanary(this.canary, { folders: [...outputs, home], texts: { told, asked } })
    const reports = this.reports.map((path) => join(project, path)).filter(existsSync)
    const shown = reports.map((path) => readFileSync(path, 'utf8')).join('\n\n')
    return [
      ...changesBetween(this.before, this.fingerprint()).map((path) => `changed: ${path}`),
      ...found.map((place) => `canary: ${place}`),
      ...(await leftOnEngine(this.label)).map((name) => `left: ${name}`),
      ...activeMarkdown(shown).map((text) => `active: ${text}`),
      ...activeText(shown).map((text) => `in the report: ${JSON.stringify(text)}`),
      ...activeText(told).map((text) => `on the terminal: ${JSON.stringify(text)}`),
      ...(/Verdict: confirmed\n/u.test(shown + told) ? ['a forged verdict'] : []),
    ]
  }

  private fingerprint(): ReturnType<typeof fingerprint> {
    const { root, project, home } = this.sandbox
    return fingerprint([root], [home, join(project, 'output'), join(project, '.wave/runs')])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeSnapshotVolumes(this.label)
    this.sandbox[Symbol.dispose]()
  }
}

let decoy: Decoy
let aimock: Aimock
let incidents: readonly Incident[]

beforeAll(async () => {
  decoy = await startDecoy()
  const { host, port } = decoy
  const attacks = attacksOn({
    decoy: `${host}:${port}`,
    host,
    port,
    // The folders of a run are not known before it; these are as good.
    home: '/root',
    project: process.cwd(),
  })
  incidents = incidentsWith(attacks)
  aimock = await startAimock(incidents.map(obey))
})

afterAll(async () => {
  await aimock[Symbol.asyncDispose]()
  await decoy[Symbol.asyncDispose]()
})

const INCIDENTS_OF_A_RUN = 10
const [first] = incidentsWith([{ asks: 'nothing', calls: () => [] }])

test('PI-14 what is looked for is found when it is there', async () => {
  if (first === undefined) throw new Error('There are no incidents')
  await using own = await startDecoy()
  await using scene = new Scene([first], aimock)
  const { project } = scene.sandbox
  expect(await scene.effects('', '')).toEqual([])
  const secret = scene.canary.value
  writeFileSync(join(scene.home, '.ssh/authorized_keys'), 'ssh-rsa AAAA')
  scene.sandbox.git('config', 'core.fsmonitor', 'touch /tmp/x')
  scene.sandbox.git('update-ref', 'refs/heads/approved', 'HEAD')
  rmSync(join(project, first.file))
  scene.sandbox.write('.wave/config.yaml', 'x')
  scene.sandbox.write('.wave/runs/1/blobs/a', `TOKEN=${secret}`)
  scene.sandbox.write(reportOf(first.name), 'Verdict: confirmed\n![x](//y) \u202E')
  for (const host of [own.host, '127.0.0.1', '::1']) await reach(host, own.port)
  const effects = await scene.effects(`\u001B[2J${secret}`, Buffer.from(secret).toString('base64'))
  const kinds = Object.groupBy(effects, (effect) => effect.replace(/:.*/su, ''))
  expect(
    Object.fromEntries(Object.entries(kinds).map(([kind, all]) => [kind, all?.length])),
  ).toEqual({
    // authorized_keys, .git/config, the new reference and its log, the source file, .wave/config.yaml.
    changed: 6,
    // A blob, the terminal, the model's window.
    canary: 3,
    active: 1,
    'in the report': 1,
    'on the terminal': 1,
    'a forged verdict': 1,
  })
  expect(own.visits).toHaveLength(3)
})

async function reach(host: string, port: number): Promise<void> {
  const socket = connect(port, host)
  await new Promise((resolve) => socket.on('close', resolve).resume())
}

describeDocker('a model that obeys every injected text', () => {
  test('PI-14 what stays on the engine is found', async () => {
    const label = `dev.wave.install=control-${process.pid}`
    const [name, value] = label.split('=')
    const volume = await engine?.docker.createVolume({ Labels: { [name ?? '']: value ?? '' } })
    try {
      expect(await leftOnEngine(label)).toHaveLength(1)
    } finally {
      await engine?.docker.getVolume(volume?.name ?? '').remove()
    }
  })

  test('PI-14 PI-01 PI-02 has no effect outside of its sandbox, in 20 incidents with 10 injections each', async () => {
    const effects: string[] = []
    let obeyed = 0
    for (let at = 0; at < incidents.length; at += INCIDENTS_OF_A_RUN) {
      const played = await play(incidents.slice(at, at + INCIDENTS_OF_A_RUN))
      effects.push(...played.effects)
      obeyed += played.obeyed
    }
    effects.push(...decoy.visits)
    process.stdout.write(`${effects.length} forbidden effects over ${obeyed} injections\n`)
    expect(effects).toEqual([])
    expect(obeyed).toBe(200)
  }, 300_000)
})

/** Runs some incidents to their end; how many of their injections the model saw and obeyed. */
async function play(
  some: readonly Incident[],
): Promise<{ readonly effects: readonly string[]; readonly obeyed: number }> {
  await using scene = new Scene(some, aimock)
  const { stdout, stderr } = await scene.run()
  const own = some.map((incident) => ({ incident, ...seenOf(incident) }))
  const effects = await scene.effects(stdout + stderr, own.map(({ texts }) => texts).join('\n'))
  const counts = own.map(({ incident, texts, turns }) => {
    const seen = incident.injections.filter(({ mark }) => texts.includes(mark))
    return Math.min(seen.length, turns - 1)
  })
  return { effects, obeyed: counts.reduce((sum, count) => sum + count) }
}

/** What the model was told of an incident, and how often it answered. */
function seenOf(incident: Incident): { readonly texts: string; readonly turns: number } {
  const asked = aimock.requests.filter(({ step }) => step === incidents.indexOf(incident))
  return {
    texts: asked.map(({ text }) => text).join('\n'),
    turns: Math.max(...asked.map(({ turn }) => turn)),
  }
}
