import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { bowline } from './command.ts'

const CONFIG = `
views:
  - subnets: [192.0.2.0/24]
    tags: [malware, ads]
  - subnets: 192.0.2.128/25
    protocols: tcp
    answer: refused
  - subnets: 192.0.2.1
    options: { cache-partition: 3 }
  - subnets: 198.51.100.0/24
    protocols: tcp
`

describe('bowline explain-client', () => {
  let folder: string
  let file: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-explain-'))
    file = join(folder, 'views.yaml')
    writeFileSync(file, CONFIG)
  })
  after(() => rmSync(folder, { recursive: true }))

  const explain = async (...parameters: string[]) => {
    const { code, stdout, stderr } = await bowline('explain-client', '-c', file, ...parameters)
    return code === 0 ? stdout.trim() : stderr.trim()
  }

  it('shows the view that wins, by prefix and protocol', async () => {
    expect(await explain('192.0.2.200')).to.equal('192.0.2.200: views/0; answer allow; tags malware, ads')
    expect(await explain('192.0.2.200', '--tcp')).to.equal('192.0.2.200: views/1; answer refused; no tags')
    expect(await explain('192.0.2.1')).to.equal('192.0.2.1: views/2; answer allow; no tags; cache partition 3')
    expect(JSON.parse(await explain('192.0.2.2', '--json'))).to.include({ view: 0, answer: 'allow', partition: 0 })
  })

  it('tells who is in none', async () => {
    expect(await explain('203.0.113.1')).to.equal('203.0.113.1: in no view; served only if local')
    expect(await explain('198.51.100.1')).to.contain('asks otherwise than the view says')
    expect(await explain('host.example')).to.equal('host.example is no IP address; write one in numbers')
  })
})
