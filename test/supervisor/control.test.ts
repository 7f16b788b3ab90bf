/** The control API over real sockets: who may, what is refused and how, and that its OpenAPI document tells the truth. */

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { AccessList, allows } from '../../supervisor/control/access.ts'
import { openApiDocument } from '../../supervisor/control/openapi.ts'
import { ROUTES } from '../../supervisor/control/routes.ts'
import { MAX_BODY, MAX_CONNECTIONS } from '../../supervisor/control/server.ts'
import { freePort, pause } from '../workers/sockets.ts'
import { bowline } from './command.ts'
import { Service } from './service.ts'

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  type: string
  etag: string | undefined
  body: { [key: string]: never } & { code: string; detail: string; status: number }
}

interface Ask {
  body?: unknown
  text?: string
  headers?: Record<string, string>
}

function askAt(where: { socketPath: string } | { port: number }, method: string, path: string, ask: Ask = {}) {
  const text = ask.text ?? (ask.body === undefined ? '' : JSON.stringify(ask.body))
  const headers = { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(text)}`, ...ask.headers }
  return new Promise<Answer>((resolve, reject) => {
    const asking = request({ ...where, method, path, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        body += piece
      })
      response.on('end', () => {
        const { 'content-type': type = '', etag } = response.headers
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, type, etag, body: body === '' ? undefined : JSON.parse(body) })
      })
    })
    asking.on('error', reject)
    asking.end(text)
  })
}

describe('the control API', () => {
  const tokens = { read: 'reading', operate: 'operating', configure: 'configuring' }
  let service: Service
  let tcpPort: number
  let folder: string

  before(async () => {
    const port = await freePort()
    tcpPort = await freePort()
    const hash = (token: string) => createHash('sha256').update(token).digest('hex')
    const lines = Object.entries(tokens).map(([role, token]) => `${role} sha256:${hash(token)} # ${role}s only`)
    folder = mkdtempSync(join(tmpdir(), 'bowline-control-'))
    const accessFile = join(folder, 'access')
    writeFileSync(accessFile, `${lines.join('\n')}\n`)
    const management = { interface: `127.0.0.1@${tcpPort}`, 'access-file': accessFile }
    service = new Service({ port, workers: 1, withFile: true, settings: { management, stats: { enable: true } } })
    await service.says('started')
  })
  after(async () => {
    await service.clean()
    rmSync(folder, { recursive: true })
  })

  const ask = (method: string, path: string, more?: Ask) => askAt({ socketPath: service.socket }, method, path, more)
  const askWith = (token: string | undefined, method: string, path: string, more: Ask = {}) =>
    askAt({ port: tcpPort }, method, path, {
      ...more,
      headers: { ...more.headers, ...(token && { authorization: `Bearer ${token}` }) },
    })

  it('is on a socket that only its user may open', () => {
    expect(statSync(service.socket).mode & 0o777).to.equal(0o600)
  })

  it('notes in the log who had what done', async () => {
    await ask('POST', '/v1/scale', { body: { workers: 1 } })
    const line = (await service.says('control')) as unknown as { uid: number; clientPid: number; role: string }
    expect(line).to.include({ uid: process.getuid?.(), clientPid: process.pid, role: 'configure' })
  })

  it('serves its OpenAPI document, which has every route, with its role and what it takes', async () => {
    const { body, status } = await ask('GET', '/v1/openapi.json')
    expect(status).to.equal(200)
    expect(body).to.deep.equal(JSON.parse(JSON.stringify(openApiDocument())))
    const { paths } = openApiDocument() as { paths: Record<string, Record<string, { 'x-role': string }>> }
    for (const { method, path, role } of ROUTES)
      expect(paths[path.replace('/*', '/{pointer}')][method.toLowerCase()]['x-role'], `${method} ${path}`).to.equal(
        role,
      )
    const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map(() => path))
    expect(described).to.have.length(ROUTES.length + 1)
  })

  it('answers as its document says', async () => {
    const needsMore = ['/v1/cache', '/v1/trace'] // a name, and somebody who knows names
    const readable = ROUTES.filter(
      ({ method, path }) => method === 'GET' && !needsMore.some((start) => path.startsWith(start)),
    )
    for (const route of readable) {
      const { status, body } = await ask('GET', route.path.replace('/*', '/cache'))
      expect(status, route.path).to.equal(200)
      const parsed = route.response.safeParse(body)
      expect(parsed.error?.issues ?? [], route.path).to.deep.equal([])
    }
  })

  describe('refuses, as problem+json (RFC 9457)', () => {
    const cases: [what: string, method: string, path: string, ask: Ask, status: number, code: string][] = [
      ['a path it does not know', 'GET', '/v1/nothing', {}, 404, 'path'],
      ['a version it does not speak', 'GET', '/v2/status', {}, 404, 'path'],
      ['a method that is not for the path', 'DELETE', '/v1/status', {}, 405, 'method'],
      ['a body that is no JSON', 'POST', '/v1/scale', { text: '{' }, 400, 'json'],
      ['a body of another shape', 'POST', '/v1/scale', { body: { wrokers: 2 } }, 422, 'body'],
      [
        'another type of body',
        'POST',
        '/v1/scale',
        { text: 'x', headers: { 'content-type': 'text/plain' } },
        415,
        'content-type',
      ],
      ['a number of workers that cannot be', 'POST', '/v1/scale', { body: { workers: 0 } }, 422, 'scale'],
      ['a worker that is not there', 'POST', '/v1/restart', { body: { worker: 9 } }, 404, 'no-such-worker'],
      ['a setting that is not there', 'GET', '/v1/config/cache/nothing', {}, 404, 'no-such-setting'],
      ['a wrong value', 'PUT', '/v1/config/cache/ttl-max', { body: 'long' }, 422, 'config'],
      [
        'a change of what has changed',
        'PUT',
        '/v1/config/cache/ttl-max',
        { body: '2h', headers: { 'if-match': '"0"' } },
        412,
        'etag',
      ],
      ['to confirm what nobody did', 'POST', '/v1/confirm', {}, 409, 'nothing-pending'],
      ['a number of answers that cannot be', 'GET', '/v1/requests?limit=-1', {}, 400, 'query'],
      ['a path with a broken escape', 'GET', '/v1/config/%', {}, 400, 'path'],
    ]
    for (const [what, method, path, more, status, code] of cases)
      it(what, async () => {
        const answer = await ask(method, path, more)
        expect(answer).to.deep.include({ status, type: 'application/problem+json' })
        expect(answer.body).to.include({ status, code })
        expect(answer.body.detail).to.match(/\w/)
      })

    it('a body of more than 1 MiB, announced or not', async () => {
      const text = JSON.stringify('x'.repeat(MAX_BODY))
      const answer = await ask('PUT', '/v1/config/hostname', { text }).catch((error: Error) => error.message)
      expect(typeof answer === 'string' ? 413 : answer.status).to.equal(413)
      const socket = connect(service.socket)
      socket.on('error', () => {})
      socket.write(
        'PUT /v1/config/hostname HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
      )
      const chunk = `10000\r\n${'y'.repeat(0x10000)}\r\n`
      for (let i = 0; i < 20 && !socket.destroyed; i++) socket.write(chunk)
      const first = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
      expect(first).to.match(/^HTTP\/1\.1 413 /)
      socket.destroy()
    })

    it('what a path or a body is not for, and says what is', async () => {
      expect((await ask('DELETE', '/v1/logging')).headers).to.include({ allow: 'GET, PUT' })
      const headers = { 'content-type': 'text/plain' }
      const { headers: told } = await ask('PATCH', '/v1/config', { text: 'x', headers })
      expect(told['accept-patch']).to.contain('application/merge-patch+json')
    })

    it('a second change while one is under way, and a new supervisor while one is not confirmed', async () => {
      const [first, second] = await Promise.all([
        ask('POST', '/v1/restart', { body: {} }),
        ask('PUT', '/v1/config/drain-timeout', { body: '2s' }),
      ])
      expect([first.status, second.status]).to.deep.equal([200, 503])
      expect(second.headers['retry-after']).to.equal('1')
      expect(second.body.detail).to.contain('restarting')
      await ask('PUT', '/v1/config/drain-timeout?rollback-after=60s', { body: '2s' })
      const { status, body } = await ask('POST', '/v1/upgrade')
      expect({ status, code: body.code }).to.deep.equal({ status: 409, code: 'unconfirmed' })
      await ask('POST', '/v1/confirm', { body: {} })
    })

    it('connections that say nothing, so that others have their place', async function () {
      this.timeout(20_000)
      const silent = Array.from({ length: MAX_CONNECTIONS }, () => connect(service.socket).on('error', () => {}))
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
      const told = await bowline('status', '-s', service.socket)
      expect(told).to.include({ code: 1, stdout: '' })
      expect(told.stderr).to.contain('the service hung up before it answered')
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))))
      expect((await ask('GET', '/v1/status')).status).to.equal(200)
    })

    it('everything after a ninth kilobyte of headers', async () => {
      const answer = await ask('GET', '/v1/status', { headers: { 'x-long': 'x'.repeat(9000) } }).catch(() => ({
        status: 431,
      }))
      expect(answer.status).to.equal(431)
    })
  })

  describe('over TCP', () => {
    it('knows nobody without a token, or with a wrong one', async () => {
      for (const token of [undefined, 'guessing', ''])
        expect((await askWith(token, 'GET', '/v1/status')).status).to.equal(401)
    })

    it('lets each role do what is its, and no more', async () => {
      const tries: [method: string, path: string, needed: keyof typeof tokens, body?: unknown][] = [
        ['GET', '/v1/status', 'read'],
        ['POST', '/v1/scale', 'operate', { workers: 1 }],
        ['PUT', '/v1/config/cache/ttl-max?dry-run=true', 'configure', '2h'],
      ]
      for (const [method, path, needed, body] of tries)
        for (const role of ['read', 'operate', 'configure'] as const) {
          const { status } = await askWith(tokens[role], method, path, { body })
          expect(status, `${role}: ${method} ${path}`).to.equal(allows(role, needed) ? 200 : 403)
        }
    })
  })

  describe('config', () => {
    it('tells settings with their defaults, in the words of a file', async () => {
      expect((await ask('GET', '/v1/config/cache/ttl-max')).body).to.equal('1d')
      expect((await ask('GET', '/v1/config/network/edns-buffer-size')).body).to.deep.equal({
        upstream: '1232B',
        downstream: '1232B',
      })
      expect((await ask('GET', '/v1/config/workers')).body).to.equal(1)
      expect((await ask('GET', '/v1/config?written=true')).body).to.not.have.property('options')
    })

    it('only says what would change, when asked to', async () => {
      const { body } = await ask('PUT', '/v1/config/cache/ttl-max?dry-run=true', { body: '2h' })
      expect(body).to.deep.equal({ changes: [{ path: 'cache/ttl-max', from: '1d', to: '2h', class: 'roll' }] })
      expect((await ask('GET', '/v1/config/cache/ttl-max')).body).to.equal('1d')
    })

    it('keeps the number of workers when something is set beside it', async () => {
      const { body } = await ask('PUT', '/v1/config/workers/cpu-affinity?dry-run=true', { body: 'auto' })
      expect(body).to.deep.equal({
        changes: [{ path: 'workers', from: 1, to: { count: 1, 'cpu-affinity': 'auto' }, class: 'live' }],
      })
    })

    it('follows a change, keeps others from overwriting it, and takes it back', async () => {
      const { etag } = await ask('GET', '/v1/config')
      const headers = { 'if-match': etag ?? '' }
      expect((await ask('PUT', '/v1/config/logging/level', { body: 'info', headers })).status).to.equal(200)
      expect((await ask('PUT', '/v1/config/logging/level', { body: 'debug', headers })).status).to.equal(412)
      expect((await ask('GET', '/v1/config/logging/level')).body).to.equal('info')
      expect((await ask('DELETE', '/v1/config/logging/level')).status).to.equal(200)
      expect((await ask('GET', '/v1/config/logging/level')).body).to.equal('notice')
    })

    it('merges (RFC 7396), or goes step by step (RFC 6902)', async () => {
      await ask('PATCH', '/v1/config', { body: { logging: { level: 'info' }, 'drain-timeout': '3s' } })
      expect((await ask('GET', '/v1/config/drain-timeout')).body).to.equal('3s')
      const steps = [
        { op: 'test', path: '/level', value: 'info' },
        { op: 'replace', path: '/level', value: 'debug' },
      ]
      const headers = { 'content-type': 'application/json-patch+json' }
      expect((await ask('PATCH', '/v1/config/logging', { body: steps, headers })).status).to.equal(200)
      expect((await ask('PATCH', '/v1/config/logging', { body: steps, headers })).status).to.equal(409)
      expect((await ask('GET', '/v1/config/logging/level')).body).to.equal('debug')
    })

    it('goes back to what was before, unless confirmed', async () => {
      await ask('PUT', '/v1/config/drain-timeout?rollback-after=1s', { body: '7s' })
      expect((await ask('GET', '/v1/config/drain-timeout')).body).to.equal('7s')
      await pause(1300)
      expect((await ask('GET', '/v1/config/drain-timeout')).body).to.equal('3s')
      await ask('PUT', '/v1/config/drain-timeout?rollback-after=1s', { body: '8s' })
      expect((await ask('POST', '/v1/confirm', { body: {} })).status).to.equal(200)
      await pause(1300)
      expect((await ask('GET', '/v1/config/drain-timeout')).body).to.equal('8s')
    })

    it('changes the log at once', async () => {
      expect((await ask('PUT', '/v1/logging', { body: { level: 'warning', groups: ['iterat'] } })).status).to.equal(200)
      expect((await ask('GET', '/v1/logging')).body).to.deep.equal({ level: 'warning', groups: ['iterat'] })
      expect((await ask('PUT', '/v1/logging', { body: { level: 'loud' } })).status).to.equal(422)
      await ask('PUT', '/v1/logging', { body: { level: 'debug' } })
    })
  })
})

describe('AccessList', () => {
  it('names the line that it does not understand', () => {
    for (const line of ['read', 'read sha256:12', 'admin cn:me', 'read token:abc'])
      expect(() => new AccessList('the-file', `# comment\n${line}\n`), line).to.throw('line 2 of the-file')
  })
})
