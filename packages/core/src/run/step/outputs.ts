import { posix } from 'node:path'
import { cleanArtifact } from '../../artifact/clean.ts'
import { checkArtifacts, checkDocuments, runContracts } from '../../contract/check.ts'
import type { ArtifactCheck, ContractReport } from '../../contract/check.ts'
import type { ContractContext } from '../../contract/context.ts'
import type { LeftOut, StepFailure, StoredArtifact, StoredPatch } from '../../events.ts'
import type { ArtifactDeclaration, Contract, Rework, Step } from '../../pipeline/pipeline.ts'
import type { PlannedStep } from '../../pipeline/plan/plan.ts'
import type { ArtifactStore, Patch, Workspace } from '../../ports.ts'
import { holdsSecret } from '../../redact-deep.ts'
import { boundFailure } from '../failure.ts'

export type FailureEffect = NonNullable<Contract['onFailure']> | 'ignore'

/** The outputs of an attempt, checked. Nothing is stored yet. */
export interface Outputs {
  readonly artifacts: ReadonlyMap<string, Uint8Array>
  readonly reports: readonly ContractReport[]
  readonly warnings: readonly string[]
  /** Everything that is wrong, as sentences; empty when the outputs are acceptable. */
  readonly problems: readonly string[]
  /** The first thing that is wrong, and what it does once no attempt is left. */
  readonly failure:
    | {
        readonly failure: StepFailure
        readonly effect: FailureEffect
        /** Who repairs it, where a contract says so. */
        readonly rework?: Rework | undefined
      }
    | undefined
}

/** Where the outputs come from and what they are checked with. */
export interface OutputSources {
  /** Undefined: there are no files. */
  readonly files: (() => Promise<Workspace>) | undefined
  readonly contracts: ContractContext
}

/**
 * Completes the artifacts from the files at their declared paths, cleans them, then checks presence, type
 * and contracts.
 */
export async function checkOutputs(
  { step, judges }: PlannedStep,
  given: ReadonlyMap<string, Uint8Array>,
  { files, contracts }: OutputSources,
): Promise<Outputs> {
  const collected = await clean(step, await collect(step, given, files), contracts)
  const check = checkArtifacts(step, collected.artifacts)
  const reports = await runContracts(step, check.artifacts, contracts, judges)
  return summarise(step, { collected, check, reports })
}

/** The same with those contracts only that are cheap and always say the same. */
export async function checkEarly(
  step: Step,
  given: ReadonlyMap<string, Uint8Array>,
  { files, contracts }: OutputSources,
): Promise<Outputs> {
  const collected = await clean(step, await collect(step, given, files), contracts)
  const check = checkArtifacts(step, collected.artifacts)
  const reports = await checkDocuments(step, check.artifacts, contracts)
  return summarise(step, { collected, check, reports })
}

interface Checked {
  readonly collected: CleanCollection
  readonly check: ArtifactCheck
  readonly reports: readonly ContractReport[]
}

function summarise(step: Step, { collected, check, reports }: Checked): Outputs {
  const known = new Set(check.problems.map(({ name }) => name))
  // What is missing or unreadable is told once, not again by each of its contracts.
  const failed = reports.filter(({ passed, contract }) => !passed && !known.has(sourceOf(contract)))
  const [warned, broken] = partition(failed, (report) => effectOf(step, report) === 'warn')
  const refused = collected.refused.map(({ name, message }) => `${name}: ${message}`)
  const notes = [...refused, ...collected.misplaced]
  return {
    artifacts: check.artifacts,
    reports,
    warnings: [
      ...collected.notes,
      ...check.warnings,
      ...warned.flatMap((report) => report.problems),
    ],
    problems: [...check.problems.flatMap(({ problems }) => problems), ...notes].concat(
      broken.flatMap((report) => report.problems),
    ),
    failure: artifactFailure(step, check, notes) ?? contractFailure(step, broken),
  }
}

/** Puts the declared artifacts into the store, in declaration order. Durable when it returns. */
export function storeArtifacts(
  step: Step,
  artifacts: ReadonlyMap<string, Uint8Array>,
  store: ArtifactStore,
): readonly StoredArtifact[] {
  return step.artifacts.flatMap(({ name, path, type }) => {
    const content = artifacts.get(name)
    return content === undefined ? [] : [{ name, path, type, ...store.put(content) }]
  })
}

/** Puts a patch into the store; undefined when nothing was changed. */
export function storePatch(
  patch: Patch | undefined,
  store: ArtifactStore,
): StoredPatch | undefined {
  if (patch === undefined || patch.files.length === 0) return undefined
  const { baseTree, tree } = patch
  const files = patch.files.filter(({ verdict }) => verdict !== 'rejected')
  const leftOut = firstLeftOut(patch.files)
  const added = files.reduce((sum, file) => sum + file.added, 0)
  const deleted = files.reduce((sum, file) => sum + file.deleted, 0)
  const paths = firstPaths(files)
  const stored = { ...store.put(patch.text), baseTree, tree, files: files.length, added, deleted }
  return { ...stored, paths, ...(leftOut.length > 0 && { leftOut }) }
}

/** What a step is warned of whose changes are not all in its patch. */
export function leftOutWarnings(stored: StoredPatch | undefined): readonly string[] {
  const { leftOut = [] } = stored ?? {}
  if (leftOut.length === 0) return []
  const told = leftOut.slice(0, MAX_TOLD).map(({ path, because }) => `${path} (${because})`)
  const others = leftOut.length - told.length
  return [`Never applied: ${told.join(', ')}${others > 0 ? ` and ${others} more` : ''}.`]
}

const MAX_TOLD = 20

function firstLeftOut(files: Patch['files']): readonly LeftOut[] {
  const rejected = files.filter(({ verdict }) => verdict === 'rejected')
  const paths = new Set(firstPaths(rejected))
  return rejected
    .filter(({ path }) => paths.has(path))
    .map(({ path, because = 'is never applied' }) => ({ path, because }))
}

/** As many as fit into the record of the journal. */
function firstPaths(files: Patch['files']): readonly string[] {
  let left = MAX_PATH_BYTES
  const paths = files.slice(0, MAX_PATHS).map(({ path }) => path)
  const end = paths.findIndex((path) => (left -= Buffer.byteLength(JSON.stringify(path))) < 0)
  return end < 0 ? paths : paths.slice(0, end)
}

const MAX_PATHS = 200
const MAX_PATH_BYTES = 16 * 2 ** 10

interface Collection {
  readonly artifacts: ReadonlyMap<string, Uint8Array>
  readonly refused: readonly { readonly name: string; readonly message: string }[]
  /** Files that were probably meant, as sentences. */
  readonly misplaced: readonly string[]
}

const HOLDS_SECRET = 'It is not text and holds a secret: it is not kept.'

interface CleanCollection extends Collection {
  /** What was changed in the artifacts, as sentences. */
  readonly notes: readonly string[]
}

/** What is checked is what is stored. */
async function clean(
  step: Step,
  collected: Collection,
  { context }: ContractContext,
): Promise<CleanCollection> {
  const artifacts = new Map(collected.artifacts)
  const notes: string[] = []
  const refused = [...collected.refused]
  for (const declared of step.artifacts) {
    const { name } = declared
    const content = artifacts.get(name)
    if (content === undefined) continue
    // oxlint-disable-next-line no-await-in-loop -- the notes are told in the order of the artifacts
    const cleaned = await cleanArtifact(declared, content, context.redact)
    artifacts.set(name, cleaned.content)
    notes.push(...cleaned.notes)
    // What is no text cannot be changed without breaking it.
    if (context.redact === undefined || !holdsSecret(cleaned.content, context.redact)) continue
    artifacts.delete(name)
    refused.push({ name, message: HOLDS_SECRET })
    notes.push(`${name}: ${HOLDS_SECRET}`)
  }
  return { ...collected, artifacts, notes, refused }
}

async function collect(
  step: Step,
  given: ReadonlyMap<string, Uint8Array>,
  files: (() => Promise<Workspace>) | undefined,
): Promise<Collection> {
  const artifacts = new Map(given)
  const refused: { name: string; message: string }[] = []
  const misplaced: string[] = []
  const missing = missingFiles(step, given)
  if (files === undefined || missing.length === 0) return { artifacts, refused, misplaced }
  const workspace = await files()
  for (const { name, path, required } of missing) {
    const found = await workspace.collect(`/work/${path}`)
    if (found.found) artifacts.set(name, found.content)
    else if (found.problem === 'refused') refused.push({ name, message: found.message })
    else if (required) misplaced.push(...(await findMisplaced(step, path, workspace)))
  }
  return { artifacts, refused, misplaced }
}

/** A file that lies at the path of an artifact, but below the mount. */
async function findMisplaced(
  step: Step,
  path: string,
  workspace: Workspace,
): Promise<readonly string[]> {
  const dir = step.kind === 'command' ? step.dir : undefined
  const folders = [step.mount?.target, dir].filter((folder) => folder !== undefined)
  const elsewhere = new Set(folders.map((folder) => posix.join(folder, path)))
  elsewhere.delete(`/work/${path}`)
  for (const file of elsewhere) {
    // oxlint-disable-next-line no-await-in-loop
    const found = await workspace.read(file, { offset: 0, maxBytes: 1 })
    if (found.ok) return [`There is a file ${file}, but artifacts are taken from /work.`]
  }
  return []
}

function missingFiles(
  step: Step,
  given: ReadonlyMap<string, Uint8Array>,
): readonly ArtifactDeclaration[] {
  return step.artifacts.filter(({ name, source }) => source === 'file' && !given.has(name))
}

function artifactFailure(
  step: Step,
  check: ArtifactCheck,
  notes: readonly string[],
): Outputs['failure'] {
  const [first] = check.problems
  if (first === undefined) return undefined
  const effect = step.retry.onFailure
  const { name, reason, problems } = first
  if (reason === 'artifact-invalid') {
    return { failure: boundFailure({ reason, name, problems }), effect }
  }
  const message = [...problems, ...notes].join(' ')
  return { failure: boundFailure({ reason, name, message }), effect }
}

/** A contract that rejects goes before the others: it ends the run. */
function contractFailure(step: Step, broken: readonly ContractReport[]): Outputs['failure'] {
  const report = broken.find(({ contract }) => contract.onFailure === 'rejected') ?? broken[0]
  if (report === undefined) return undefined
  const { contract, problems } = report
  const name = `${contract.type} ${sourceOf(contract)}`.trim()
  const failure = boundFailure({ reason: 'contract-failed', name, problems })
  return { failure, effect: effectOf(step, report), rework: contract.rework }
}

function sourceOf(contract: Contract): string {
  return 'source' in contract ? contract.source : ''
}

function effectOf(step: Step, report: ContractReport): FailureEffect {
  return report.contract.onFailure ?? step.retry.onFailure
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))]
}
