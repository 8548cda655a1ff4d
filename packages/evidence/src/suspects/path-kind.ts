export type PathKind =
  | 'source'
  | 'test'
  | 'docs'
  | 'config'
  | 'dependencies'
  | 'generated'
  | 'other'

const RULES: readonly (readonly [PathKind, RegExp])[] = [
  [
    'generated',
    /(?:^|\/)(?:\.wave|node_modules|vendor|third_party|dist|build|target|\.next|__snapshots__|__generated__)\/|\.min\.(?:js|css)$|\.(?:map|snap|pb\.go)$|_pb2\.py$|(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|Pipfile\.lock|uv\.lock|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum)$/i,
  ],
  [
    'dependencies',
    /(?:^|\/)(?:package\.json|requirements[\w.-]*\.txt|setup\.py|setup\.cfg|pyproject\.toml|Pipfile|go\.mod|pom\.xml|build\.gradle(?:\.kts)?|gradle\.properties|libs\.versions\.toml|Gemfile|Cargo\.toml|composer\.json|mix\.exs|[\w.-]+\.csproj|packages\.config|\.nvmrc|\.node-version|\.python-version|\.tool-versions)$/i,
  ],
  [
    'test',
    /(?:^|\/)(?:tests?|specs?|__tests__|testing|e2e|fixtures|testdata)\/|(?:^|\/)test_[^/]+\.py$|(?:_test|\.test|\.spec|_spec|Tests?)\.[A-Za-z]+$|(?:^|\/)conftest\.py$/,
  ],
  [
    'docs',
    /(?:^|\/)(?:docs?|documentation)\/|\.(?:md|markdown|rst|adoc|txt)$|(?:^|\/)(?:LICENSE|NOTICE|AUTHORS|CODEOWNERS|CHANGELOG|CHANGES)[^/]*$/i,
  ],
  [
    'config',
    /(?:^|\/)(?:config|conf|settings|deploy|k8s|kubernetes|helm|charts|terraform|infra|ops|\.github|\.circleci)\/|(?:^|\/)(?:Dockerfile[^/]*|docker-compose[^/]*|compose\.ya?ml|Procfile|Makefile|nginx\.conf|\.env[^/]*|settings\.py|config\.[A-Za-z]+)$|\.(?:ya?ml|toml|ini|cfg|conf|properties|env|tf|tfvars|hcl)$/i,
  ],
  [
    'source',
    /\.(?:[cm]?[jt]sx?|py|pyx|java|kt|kts|scala|groovy|go|rs|rb|php|cs|fs|vb|c|h|cc|cpp|cxx|hpp|hh|m|mm|swift|ex|exs|erl|clj|cljs|lua|pl|pm|sh|bash|sql|vue|svelte|dart|r|jl|proto|graphql|html|erb|ejs|hbs|css|scss|less)$/i,
  ],
]

const CACHED_PATHS = 100_000
const known = new Map<string, PathKind>()

/** What a file is for, judged by its path alone. */
export function kindOf(path: string): PathKind {
  const cached = known.get(path)
  if (cached !== undefined) return cached
  const kind = RULES.find(([, pattern]) => pattern.test(path))?.[0] ?? 'other'
  if (known.size >= CACHED_PATHS) known.clear()
  known.set(path, kind)
  return kind
}
