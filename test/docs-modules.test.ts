/** What docs/modules.md shows works as shown, and `bowline module` makes modules that pass their own tests. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parse } from 'yaml'
import { makeConfig } from '../src/config/load.ts'
import type { ConfigInput } from '../src/config/schema.ts'
import { loadModules } from '../workers/load-modules.ts'
import { authority, gist, ROOT_ADDRESS, Story } from './scenarios/own/story.ts'
import { bowline } from './supervisor/command.ts'

const manual = readFileSync(fileURLToPath(new URL('../docs/modules.md', import.meta.url)), 'utf8')
const blocks = (language: string) =>
  [...manual.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text)

describe('docs/modules.md', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-manual-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const storyWith = async (source: string, config: Record<string, unknown> = {}) => {
    const home = join(folder, `module-${readdirSync(folder).length}`)
    mkdirSync(home)
    writeFileSync(join(home, 'index.ts'), source)
    const outside = await loadModules({ rundir: folder, modules: [{ from: home, config }] })
    const root = authority({ '.': 'www.org A 192.0.2.1\nstatus.example TXT up' })
    return new Story({ [ROOT_ADDRESS]: root }, { outside })
  }

  it('shows a module that greets, and its configuration', async () => {
    const { modules } = makeConfig(parse(blocks('yaml')[0]) as ConfigInput)
    const story = await storyWith(blocks('ts')[0], modules[0].config)
    expect(gist(story.ask('hello.example.', 'TXT'))).to.deep.equal(['NOERROR', 'hello.example. TXT "good morning"'])
  })

  it('shows a module that waits', async () => {
    const story = await storyWith(blocks('ts')[1])
    expect(gist(story.ask('www.org.'))).to.deep.equal(['NOERROR', 'www.org. A 192.0.2.1'])
    expect(story.news()).to.deep.equal([`${ROOT_ADDRESS} udp www.org. A`, `${ROOT_ADDRESS} udp status.example. TXT`])
  })

  it('has no other examples', () => expect([blocks('yaml').length, blocks('ts').length]).to.deep.equal([1, 2]))
})

describe('bowline module', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-new-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  it('makes a folder whose tests pass, and which can be loaded', async () => {
    const made = await bowline('module', 'new', 'my-module', '--in', folder)
    expect(made.code, made.stderr).to.equal(0)
    const tested = await bowline('module', 'test', join(folder, 'my-module'))
    expect(tested.code, tested.stdout).to.equal(0)
    expect(tested.stdout).to.match(/pass 3\b/)
    const config = makeConfig(parse(readFileSync(join(folder, 'my-module', 'config.yaml'), 'utf8')) as ConfigInput)
    const [{ module }] = await loadModules({ rundir: folder, modules: config.modules })
    expect(module.name).to.equal('my-module')
  })

  it('refuses names that are none, and folders that are there', async () => {
    expect((await bowline('module', 'new', 'My Module', '--in', folder)).stderr).to.contain('kebab case')
    mkdirSync(join(folder, 'taken'))
    expect((await bowline('module', 'new', 'taken', '--in', folder)).code).to.equal(2)
    expect((await bowline('module', 'test', join(folder, 'taken'))).stderr).to.contain('holds no tests')
  })
})
