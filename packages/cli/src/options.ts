/** An option as `wave --help` shows it. `flags` says everything about its form: `-o, --output <mode>`. */
export interface PlainOption {
  readonly flags: string
  readonly description: string
  /** May be given several times. */
  readonly isRepeatable?: boolean
  /** What the option is called in the code, where it is not the long flag. */
  readonly property?: string
}

/** What every command takes and nothing but its flags describes; the others stand in program.ts. */
export const GLOBAL_OPTIONS: readonly PlainOption[] = [
  { flags: '-o, --output <mode>', description: 'text, steps, json or quiet' },
  { flags: '--json', description: 'the same as --output json' },
  { flags: '-q, --quiet', description: 'the same as --output quiet' },
  { flags: '--log-level <level>', description: 'level of the diagnostic log' },
  { flags: '--no-color', description: 'no colour' },
  { flags: '--no-input', description: 'never ask a question' },
  { flags: '-y, --yes', description: 'answer yes to what init, apply and gc ask' },
  {
    flags: '--config <file>',
    description: 'user configuration to read instead of the default one',
  },
]

export const RUN_OPTIONS: readonly PlainOption[] = [
  { flags: '-n, --dry-run', description: 'print the plan; nothing is spent, no container starts' },
  {
    flags: '--input-data <text>',
    description: 'the input: text, @FILE, or @- for standard input',
  },
  { flags: '--input-file <file>', description: 'the input, from a file' },
  {
    flags: '--input <pair>',
    description: 'the input as a JSON object, key=value (repeatable)',
    isRepeatable: true,
    // `--no-input` is `input: false`.
    property: 'inputPairs',
  },
  { flags: '--workflow <name>', description: 'the pipeline, in place of the first argument' },
  {
    flags: '--answer <answer>',
    description: 'answer a gate in advance, step=choice (repeatable)',
    isRepeatable: true,
  },
  { flags: '--steps <ids>', description: 'run only these steps, separated by commas' },
  {
    flags: '-x, --exclude <id>',
    description: 'leave this step out (repeatable)',
    isRepeatable: true,
  },
  {
    flags: '--provider <name>',
    description: 'for all personas; "evidence" uses no language model',
  },
  { flags: '--model <name>', description: 'tier, alias or provider/model for all personas' },
  { flags: '--max-usd <amount>', description: 'limit of the run in US dollars' },
  { flags: '--max-tokens <count>', description: 'limit of the run in tokens' },
  { flags: '--timeout <duration>', description: 'limit of the run in time: 90s, 15m, 2h' },
  {
    flags: '--apply',
    description: 'apply the patch when the run succeeds and nothing in it is flagged',
  },
  { flags: '--cache', description: 'take over steps of earlier runs into which the same went' },
  { flags: '--inconclusive-ok', description: 'exit with 0 where 3 would be used' },
  {
    flags: '--report <file>',
    description: 'also write the final report and the audit trail there',
  },
  { flags: '--no-audit', description: 'with --report: the report alone' },
]

const OF_RESUME: ReadonlySet<string> = new Set([
  'answer',
  'max-usd',
  'max-tokens',
  'timeout',
  'apply',
  'cache',
  'inconclusive-ok',
  'report',
  'no-audit',
])

/** Those of a run that still decide something when it goes on. */
export const RESUME_OPTIONS: readonly PlainOption[] = RUN_OPTIONS.filter(({ flags }) =>
  OF_RESUME.has(/--([a-z-]+)/.exec(flags)?.[1] ?? ''),
)

/** Where steps work unless `--sandbox` says otherwise. */
export const DEFAULT_SANDBOX = 'auto'
