import { expect } from 'chai'
import { queryFor } from '../workers/fake-resolver.ts'
import { eventually, freePort, UdpClient } from '../workers/sockets.ts'
import { Service } from './service.ts'

describe('a worker that finds itself failing', () => {
  it('is replaced', async () => {
    const port = await freePort()
    const settings = { watchdog: { interval: '100ms', failures: 2 } }
    const service = new Service({ port, workers: 1, settings })
    const client = new UdpClient()
    try {
      await service.says('started')
      await client.ask(queryFor('sick.example'), port)
      await service.says('child-failing')
      await eventually(() => service.pidsOf('worker').length === 2, 'its successor')
      const failing = () => service.lines.filter(({ event }) => event === 'child-failing').length
      const ofTheFormer = failing()
      await client.ask(queryFor('now.example'), port)
      expect(failing()).to.equal(ofTheFormer)
    } finally {
      client.close()
      await service.clean()
    }
  })
})
