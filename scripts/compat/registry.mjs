// A registry of packages on this machine: serves packed tarballs, and passes every other request on to the registry that
// npm is configured with. So an installer meets our packages as users will, before they are published.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer, get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'
import { join } from 'node:path'

/** When our versions pretend to have been published: some installers refuse what is younger than a day. */
const PUBLISHED = '2026-01-01T00:00:00.000Z'

/**
 * Starts a registry on a free port.
 *
 * @param {{ packages: { manifest: object, path: string }[], upstream: string, ca?: string | Buffer, cache: string }} options
 *   `path` is that of a tarball; `cache` is a directory where tarballs of others are kept from run to run
 * @returns {Promise<{ url: string, close(): void }>}
 */
export async function openRegistry({ packages, upstream, ca, cache }) {
  mkdirSync(cache, { recursive: true })
  const ours = new Map(packages.map((entry) => [entry.manifest.name, entry]))
  const server = createServer(async (request, response) => {
    try {
      await reply(request, response)
    } catch (error) {
      response.writeHead(502).end(String(error))
    }
  })

  async function reply(request, response) {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).slice(1)
    const [name, file] = path.split('/-/')
    const mine = ours.get(name)
    if (mine !== undefined && file !== undefined) return response.end(readFileSync(mine.path))
    if (mine !== undefined) return sendJson(response, describe(mine, url))
    // Audits, searches and logins.
    if (request.method !== 'GET' || path.startsWith('-/')) return response.writeHead(404).end()
    if (file !== undefined) return response.end(await tarballOf(request.url))
    const { status, body } = await fetchUpstream(request.url, request.headers.accept)
    response.writeHead(status, { 'content-type': 'application/json' })
    // Its tarballs come by here too, so that no client needs the settings with which the other registry is reached.
    response.end(body.toString().replaceAll(upstream, url))
  }

  async function tarballOf(path) {
    const kept = join(cache, createHash('sha256').update(path).digest('hex'))
    if (existsSync(kept)) return readFileSync(kept)
    const { status, body } = await fetchUpstream(path)
    if (status !== 200) throw new Error(`${path}: ${status}`)
    // Several installers may ask at the same time.
    const partial = `${kept}.${process.pid}.${Math.random()}`
    writeFileSync(partial, body)
    renameSync(partial, kept)
    return body
  }

  const fetchUpstream = (path, accept = '*/*') => fetch(`${upstream}${path.slice(1)}`, { ca, headers: { accept } })

  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const url = `http://127.0.0.1:${Object(server.address()).port}/`
  return {
    url,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Not the global `fetch`: that one cannot be given the certificates that npm is configured with. */
function fetch(url, options, redirects = 5) {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('https:') ? getSecure : getPlain
    const request = get(url, options, (response) => {
      const { statusCode: status = 0, headers } = response
      if (status >= 300 && status < 400 && headers.location !== undefined && redirects > 0) {
        response.resume()
        resolve(fetch(new URL(headers.location, url).href, options, redirects - 1))
        return
      }
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status, body: Buffer.concat(chunks) }))
    })
    request.on('error', reject)
    request.setTimeout(120_000, () => request.destroy(new Error(`${url} did not reply within 120 s`)))
  })
}

/** Returns the document that a registry has for a package of one version. */
function describe({ manifest, path }, url) {
  const { name, version } = manifest
  const tarball = readFileSync(path)
  const dist = {
    tarball: `${url}${name}/-/${name.split('/').at(-1)}-${version}.tgz`,
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
  }
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, dist } },
    time: { created: PUBLISHED, modified: PUBLISHED, [version]: PUBLISHED },
  }
}

function sendJson(response, value) {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
