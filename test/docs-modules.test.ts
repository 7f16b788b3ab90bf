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
import { playModuleScenario, readModuleScenario } from '../workers/module-scenario.ts'
import { authority, gist, ROOT_ADDRESS, Story } from './scenarios/own/story.ts'
import { bowline } from './supervisor/command.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const manual = readFileSync(here('../docs/modules.md'), 'utf8')
const blocks = (language: string) =>
  [...manual.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text)

describe('docs/modules.md', () => {
  let folder: string
  const homes: string[] = []
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-manual-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const storyWith = async (source: string, config: Record<string, unknown> = {}) => {
    const home = join(folder, `module-${readdirSync(folder).length}`)
    mkdirSync(home)
    homes.push(home)
    writeFileSync(join(home, 'index.ts'), source)
    const outside = await loadModules({ rundir: folder, modules: [{ from: home, config }] })
    const root = authority({
      '.': 'www.org A 192.0.2.1\nstatus.example TXT up\nlist.example TXT a\nlist.example TXT b',
    })
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

  it('shows a module that does something from time to time, and tells about it', async () => {
    const story = await storyWith(blocks('ts')[2])
    const remember = story.modules.running.find(({ name }) => name === 'remember')
    expect(await remember?.runVerb('show', [])).to.deep.equal({ entries: 0, looks: 0 })
    story.elapse(61)
    expect(story.news()).to.deep.equal([`${ROOT_ADDRESS} udp list.example. TXT`])
    expect(await remember?.runVerb('show', [])).to.deep.equal({ entries: 2, looks: 1 })
  })

  it('shows a scenario that its first module passes', async () => {
    await storyWith(blocks('ts')[0])
    const module = (await loadModules({ rundir: folder, modules: [{ from: homes.at(-1) as string, config: {} }] }))[0]
      .module
    const scenario = readModuleScenario(parse(blocks('yaml')[1]), 'docs/modules.md')
    expect(await playModuleScenario(module, scenario)).to.deep.equal([])
  })

  it('lists the modules that there are, in the order in which a query meets them', () => {
    const folders = readdirSync(here('../src/modules'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const told = [...manual.matchAll(/\[`([a-z0-9-]+)`\]\(\.\.\/src\/modules\/\1\/README\.md\)/g)].map(
      ([, name]) => name,
    )
    expect(told.toSorted()).to.deep.equal(folders.map(({ name }) => name).toSorted())
    const [list] = /const front[\s\S]*const guests/.exec(readFileSync(here('../src/modules/index.ts'), 'utf8'))!
    const place = (name: string) => list.search(`\\b${name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())}\\b`)
    const listed = told.filter((name) => place(name) >= 0)
    expect(told.slice(told.length - listed.length)).to.deep.equal(listed) // those before are no modules
    expect(listed).to.deep.equal(listed.toSorted((a, b) => place(a) - place(b)))
  })

  it('has no other examples', () => expect([blocks('yaml').length, blocks('ts').length]).to.deep.equal([2, 3]))
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
    expect(tested.stdout).to.contain('scenario.yaml passes')
    const config = makeConfig(parse(readFileSync(join(folder, 'my-module', 'config.yaml'), 'utf8')) as ConfigInput)
    const [{ module }] = await loadModules({ rundir: folder, modules: config.modules })
    expect(module.name).to.equal('my-module')
  })

  it('describes a module by what it has declared', async () => {
    expect((await bowline('module', 'new', 'described', '--in', folder)).code).to.equal(0)
    const { stdout } = await bowline('module', 'describe', join(folder, 'described'))
    expect(stdout).to.contain('# described\n\nGreets those who ask.')
    expect(stdout).to.contain('`greeting`\n\nWhat is said.')
    expect(stdout).to.contain('`bowline_module_greeted_total{module="described"}`')
    const schema = JSON.parse((await bowline('module', 'describe', join(folder, 'described'), '--json')).stdout)
    expect(schema).to.include({ title: 'described', type: 'object' })
    expect(schema.properties.greeting.description).to.contain('What is said.')
  })

  it('plays scenarios, and says what differs', async () => {
    const home = join(folder, 'played')
    expect((await bowline('module', 'new', 'played', '--in', folder)).code).to.equal(0)
    const scenario = readFileSync(join(home, 'scenario.yaml'), 'utf8')
    writeFileSync(join(home, 'scenario.yaml'), scenario.replace('status: NXDOMAIN', 'status: NOERROR'))
    const { code, stdout } = await bowline('module', 'test', home)
    expect(code).to.equal(1)
    expect(stdout).to.contain('story/4: nowhere.played.org A: status is "NXDOMAIN", not "NOERROR"')
    writeFileSync(join(home, 'scenario.yaml'), 'story: [{ask: nothing}]')
    expect((await bowline('module', 'test', home)).stderr).to.contain('scenario.yaml: story/0')
  })

  it('refuses names that are none, and folders that are there', async () => {
    expect((await bowline('module', 'new', 'My Module', '--in', folder)).stderr).to.contain('kebab case')
    mkdirSync(join(folder, 'taken'))
    expect((await bowline('module', 'new', 'taken', '--in', folder)).code).to.equal(2)
    expect((await bowline('module', 'test', join(folder, 'taken'))).stderr).to.contain('holds no tests')
  })
})
