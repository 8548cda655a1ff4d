/** Serves the program in a directory, asks for its orders, prints the status; its log goes to stderr. */
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const directory = process.argv[2] ?? '.'
const { createServer } = await import(pathToFileURL(join(directory, 'src/server.js')).href)
const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const response = await fetch(`http://127.0.0.1:${server.address().port}/api/orders`)
console.log(response.status)
server.close()
server.closeAllConnections()
