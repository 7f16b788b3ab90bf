import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { LmdbStore } from '../../src/cache/lmdb-store.ts'
import { systemClock } from '../../src/io/clock.ts'
import { KeeperLink } from '../../workers/keeper-link.ts'
import { composeHello } from '../../workers/keeper-stream.ts'
import { eventually } from './sockets.ts'

const GENERATION = 3

describe('KeeperLink, during an upgrade', () => {
  let folder: string
  let socketPath: string
  let server: Server | undefined
  let link: KeeperLink
  let heard: string[]

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-link-'))
    socketPath = join(folder, 'keeper.sock')
    heard = []
    link = new KeeperLink({ socketPath, clock: systemClock, onCleared: () => heard.push('cleared') })
  })
  afterEach(async () => {
    link.close()
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const workers = new Set<Socket>()

  function stop(): Promise<unknown> {
    for (const worker of workers) worker.destroy()
    workers.clear()
    return new Promise((closed) => (server === undefined ? closed(0) : server.close(closed)))
  }

  /** A keeper that only says hello. `version`: other than ours, or ours. */
  async function keeper(fileId: string, generation: number, version?: number): Promise<void> {
    server = createServer((worker) => {
      workers.add(worker)
      worker.on('error', () => {})
      const hello = composeHello(generation, fileId)
      if (version !== undefined) hello[5] = version
      worker.write(hello)
    }).listen(socketPath)
    await eventually(() => server?.listening === true, 'the keeper')
  }

  function start(): void {
    const store = {
      connected: (fileId: string) => heard.push(`connected ${fileId}`),
      forgetPending: () => heard.push('forget'),
    }
    link.start(store as unknown as LmdbStore)
  }

  it('reads at once what a keeper of another version has, and hands nothing over to it', async () => {
    await keeper('old', GENERATION, 99)
    start()
    expect(await link.connected(2000)).to.equal(true)
    expect(link.isConnected).to.equal(false)
    expect(link.send(1, Uint8Array.of(1))).to.equal(false)
    await eventually(() => workers.size > 2, 'it tries again')
    expect(heard).to.deep.equal(['connected old'])
  })

  it('goes on with its own keeper, and nothing it has learned is forgotten', async () => {
    await keeper('old', GENERATION, 99)
    start()
    await link.connected(2000)
    await stop()
    await keeper('old', GENERATION)
    await eventually(() => link.isConnected, 'its own keeper')
    expect(heard).to.deep.equal(['connected old', 'connected old'])
    expect(link.send(1, Uint8Array.of(1))).to.equal(true)
  })

  it('forgets what was cleared meanwhile', async () => {
    await keeper('old', GENERATION, 99)
    start()
    await link.connected(2000)
    await stop()
    await keeper('old', GENERATION + 1)
    await eventually(() => link.isConnected, 'its own keeper')
    expect(heard).to.deep.equal(['connected old', 'forget', 'cleared', 'connected old'])
  })
})
