import { Command, CommanderError, Option } from 'commander'
import { WaveError } from '@wave/core/language'
import type { Host } from './host.ts'
import { createInvocation, type GlobalOptions, type Invocation } from './invocation.ts'
import {
  DEFAULT_SANDBOX,
  GLOBAL_OPTIONS,
  type PlainOption,
  RESUME_OPTIONS,
  RUN_OPTIONS,
} from './options.ts'

/** Reads any command line with commander, does what it says and gives the exit code. */
export async function runProgram(
  argv: readonly string[],
  host: Host,
  version: string,
): Promise<number> {
  let exitCode = 0
  const program = createProgram({ host, version, done: (code) => (exitCode = code) })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    if (error.code !== 'commander.help') throw toUsageError(error)
    host.out.write(program.helpInformation())
    return 0
  }
}

interface Frame {
  readonly host: Host
  readonly version: string
  done(exitCode: number): void
}

type Action<Options> = (
  invocation: Invocation,
  options: Options,
  words: readonly string[],
) => Promise<number>

/** All of the command line: verbs, options, help. */
export function createProgram(frame: Frame): Command {
  const program = new Command('wave')
    .description('Investigates incidents in a repository with a fixed chain of personas.')
    .helpCommand(false)
    .version(frame.version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => frame.host.out.write(text),
      writeErr: () => {},
    })
  addGlobalOptions(program)
  addRun(program, frame)
  addResume(program, frame)
  addInit(program, frame)
  addApply(program, frame)
  addGc(program, frame)
  addLooks(program, frame)
  addRunLooks(program, frame)
  addJudgements(program, frame)
  for (const verb of PLANNED_VERBS) {
    program
      .command(verb, { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new WaveError('usage', `"wave ${verb}" is not supported yet.`)
      })
  }
  return program
}

function addGlobalOptions(program: Command): void {
  program.option('-C <dir>', 'work in this directory')
  addPlain(program, GLOBAL_OPTIONS)
  program
    .option('-v, --verbose', 'diagnostics on standard error; twice: stack traces', count, 0)
    .helpOption('-h, --help', 'print help')
}

function addRun(program: Command, frame: Frame): void {
  const command = program
    .command('run [pipeline] [input]')
    .description('plan and run a pipeline; print progress and the result')
  addPlain(command, RUN_OPTIONS)
  command.addOption(
    new Option('--sandbox <kind>', 'where steps work')
      .choices(['auto', 'docker', 'local'])
      .default(DEFAULT_SANDBOX),
  )
  for (const flag of PLANNED_RUN_FLAGS) {
    command.addOption(new Option(flag).hideHelp().argParser(() => notYet(flag)))
  }
  on(command, frame, async () => (await import('./commands/run.ts')).run)
}

function addResume(program: Command, frame: Frame): void {
  const resume = program
    .command('resume [run]')
    .description('go on with a run where it stopped; what is done is not done again')
    .option('--last', 'the newest run, which is also the default')
    .option('--from-step <id>', 'run this step and everything behind it again')
    .option('--force', 'go on although the snapshot or the image of the start is gone')
  addPlain(resume, RESUME_OPTIONS)
  on(resume, frame, async () => (await import('./commands/resume.ts')).resume)
  const cancel = program
    .command('cancel <run>')
    .description('end a run, also one that another process works on; it can be resumed')
  on(cancel, frame, async () => (await import('./commands/cancel.ts')).cancel)
}

function addPlain(command: Command, options: readonly PlainOption[]): void {
  for (const { flags, description, isRepeatable, property } of options) {
    const option = new Option(flags, description)
    if (isRepeatable === true) option.argParser(collect)
    if (property !== undefined) option.attributeName = () => property
    command.addOption(option)
  }
}

function addInit(program: Command, frame: Frame): void {
  const command = program
    .command('init')
    .description('write .wave/ with working pipelines and personas')
    .option('--force', 'overwrite files that are already there')
  on(command, frame, async () => (await import('./commands/init.ts')).init)
}

function addApply(program: Command, frame: Frame): void {
  const command = program
    .command('apply <run>')
    .description("put a run's changes on the working tree, all or nothing")
    .option('--accept <path>', 'accept this flagged path (repeatable)', collect, [])
    .option('--undo', 'take back what the last apply of the run put on the files, all or nothing')
  on(command, frame, async () => (await import('./commands/apply.ts')).apply)
}

function addGc(program: Command, frame: Frame): void {
  const command = program
    .command('gc')
    .description('remove what wave keeps and does not need: snapshot volumes, leftovers, old runs')
    .option('-n, --dry-run', 'only tell what would be removed')
    .option('--max-size <size>', 'keep so much of snapshot volumes: 500M, 10G')
    .option('--older-than <duration>', 'remove what was not used for so long: 12h, 30d')
    .option('--all', 'remove every snapshot volume that is not in use')
    .option('--runs', 'also remove old runs of this project: with --keep, --older-than or both')
    .option('--keep <count>', 'keep so many of the newest runs')
    .option('--unfinished', 'with --keep: also runs that could still go on')
  on(command, frame, async () => (await import('./commands/gc.ts')).gc)
}

function addLooks(program: Command, frame: Frame): void {
  const graph = program
    .command('graph [pipeline]')
    .description('draw the steps of a pipeline and what they wait for')
    .addOption(
      new Option('--format <format>', 'what is drawn')
        .choices(['text', 'mermaid', 'svg'])
        .default('text'),
    )
  on(graph, frame, async () => (await import('./commands/graph.ts')).graph)
  const show = program
    .command('show <name>')
    .description('one pipeline or persona, resolved: defaults filled in')
  on(show, frame, async () => (await import('./commands/show.ts')).show)
  const list = program
    .command('list [what]')
    .description('names of pipelines, personas and models, with their origin')
  on(list, frame, async () => (await import('./commands/list.ts')).list)
  const validate = program
    .command('validate [files...]')
    .description('check project files; no Docker, no network, no key')
  on(validate, frame, async () => (await import('./commands/validate.ts')).validate)
  const doctor = program
    .command('doctor')
    .description('check the environment: Node, git, Docker, disk, keys, project files')
  on(doctor, frame, async () => (await import('./commands/doctor.ts')).doctor)
}

function addRunLooks(program: Command, frame: Frame): void {
  const status = program
    .command('status [run]')
    .description('the runs of this project, or all about one: steps, results, how to go on')
    .option('--limit <count>', 'list no more than the newest of so many (20)')
    .option('--all', 'list all of them')
  on(status, frame, async () => (await import('./commands/status.ts')).status)
  const logs = program
    .command('logs <run>')
    .description('what a run recorded, event by event')
    .option('--step <id>', 'only this step and what it is made of')
    .option('-f, --follow', 'go on with what it records, until it ends')
    .option('--transcript', 'with what was said, called and answered, in full; also with -v')
  on(logs, frame, async () => (await import('./commands/logs.ts')).logs)
  const artifacts = program
    .command('artifacts <run> [artifact]')
    .description('what the steps of a run made: a list, or one of them, as <step>/<name>')
    .option('--export <dir>', 'write all of them to this folder')
  on(artifacts, frame, async () => (await import('./commands/artifacts.ts')).artifacts)
  const report = program
    .command('report <run>')
    .description('the final report of a run, with its audit trail')
    .option('--report <file>', 'write it to this file instead')
    .option('--no-audit', 'without the audit trail of the run')
  on(report, frame, async () => (await import('./commands/report.ts')).report)
}

function addJudgements(program: Command, frame: Frame): void {
  const explain = program
    .command('explain <run> <step>')
    .description(
      'why a step ran, or did not have to: what goes into it, compared with an earlier run',
    )
    .option('--against <run>', 'compare with this run instead of the one before')
  on(explain, frame, async () => (await import('./commands/explain.ts')).explain)
  const verify = program
    .command('verify <run>')
    .description('check that a run is what was recorded: journal, contents, citations')
  on(verify, frame, async () => (await import('./commands/verify.ts')).verify)
  const diff = program
    .command('diff <run> <run>')
    .description('what two runs differ in, component by component and step by step')
    .option('--content', 'with the lines that differ in artifacts and patches')
  on(diff, frame, async () => (await import('./commands/diff.ts')).diff)
  const audit = program
    .command('audit <run>')
    .description('who or what did what in a run, as a Markdown table or with --json')
  on(audit, frame, async () => (await import('./commands/audit.ts')).audit)
}

/** Commands are loaded when they are called: none pays for the modules of another. */
function on<Options>(command: Command, frame: Frame, load: () => Promise<Action<Options>>): void {
  command.action(async () => {
    const options = command.optsWithGlobals<GlobalOptions & Options>()
    const invocation = createInvocation(frame.host, frame.version, options)
    const action = await load()
    frame.done(await action(invocation, options, command.args))
  })
}

const PLANNED_VERBS = 'config demo completion serve'.split(' ')
const PLANNED_RUN_FLAGS = ['--record <file>', '--replay <file>', '--offline']

function notYet(flag: string): never {
  throw new WaveError('usage', `"${flag.replace(/ .*/, '')}" is not supported yet.`)
}

function count(_: string, before: number): number {
  return before + 1
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** Commander says `error: unknown option '--jsno'` and, on a second line, what was probably meant. */
function toUsageError(error: CommanderError): WaveError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const message = first.charAt(0).toUpperCase() + first.slice(1)
  const meant = /\((Did you mean .*)\)/.exec(rest.join(' '))?.[1]
  const hint = meant ?? HINTS[error.code] ?? 'Run "wave --help" for commands and options.'
  return new WaveError('usage', message.endsWith('.') ? message : `${message}.`, { hint })
}

const HINTS: Readonly<Record<string, string>> = {
  'commander.excessArguments': 'Put text with spaces in quotes.',
}
