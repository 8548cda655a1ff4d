import { posix } from 'node:path'

/**
 * Why a file never leaves the user's machine, or undefined. Decided by its name; where a name holds
 * secrets only sometimes (certificates, package settings), by what the file says.
 */
export function secretReason(path: string, readText: () => string): string | undefined {
  const name = posix.basename(path).toLowerCase()
  const isExample = EXAMPLE.test(name)
  if (!isExample && isSecretName(name, path.toLowerCase()))
    return 'its name says that it holds secrets'
  const mark = MARKS.find((candidate) => candidate.name.test(name))
  if (mark === undefined || (isExample && mark !== PRIVATE_KEY)) return undefined
  return mark.content.test(readText()) ? mark.reason : undefined
}

const EXAMPLE = /[._-](example|sample|template|dist|defaults?|schema)(\.|$)/
const ENV_FILE = /^\.env(\..+)?$/

const SECRET_NAMES = new Set([
  '.netrc',
  '_netrc',
  '.pgpass',
  '.my.cnf',
  '.pypirc',
  '.git-credentials',
  '.dockercfg',
  '.htpasswd',
  '.vault-token',
  '.s3cfg',
  '.boto',
  'id_rsa',
  'id_dsa',
  'id_ecdsa',
  'id_ed25519',
  'id_ecdsa_sk',
  'id_ed25519_sk',
  'application_default_credentials.json',
  'terraform.tfstate',
  'terraform.tfstate.backup',
  'kubeconfig',
  'secring.gpg',
  '.terraformrc',
  'credentials.tfrc.json',
])
const SECRET_EXTENSIONS = /\.(p12|pfx|jks|keystore|kdbx|ppk|ovpn|agekey)$/
const SECRET_PATHS =
  /(^|\/)(\.aws\/credentials|\.docker\/config\.json|\.kube\/config|\.ssh\/(?!.*\.pub$).*)$/
const SERVICE_ACCOUNT = /^(service[-_]?account|client[-_]?secret)[^/]*\.json$/

function isSecretName(name: string, path: string): boolean {
  return (
    ENV_FILE.test(name) ||
    SECRET_NAMES.has(name) ||
    SECRET_EXTENSIONS.test(name) ||
    SERVICE_ACCOUNT.test(name) ||
    SECRET_PATHS.test(path)
  )
}

interface Mark {
  readonly name: RegExp
  readonly content: RegExp
  readonly reason: string
}

/** No name makes one harmless: `tls-default.key` is in use. */
const PRIVATE_KEY: Mark = {
  name: /\.(pem|key|asc|der|crt|cer)$/,
  content: /PRIVATE KEY/,
  reason: 'it holds a private key',
}

const MARKS: readonly Mark[] = [
  PRIVATE_KEY,
  {
    name: /^\.(npmrc|yarnrc|yarnrc\.yml)$/,
    content: /_auth|_password|npmAuth/i,
    reason: 'it holds a registry token',
  },
  {
    name: /^(credentials(\.[a-z]+)?|\.envrc|.*\.tfvars)$/,
    content: /secret|token|password|private_key|api[_-]?key/i,
    reason: 'it holds credentials',
  },
]
