/** Modules from elsewhere: found, loaded, given their settings, and told apart from what is none. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { BowlineError } from '../../src/config/error.ts'
import { loadModules } from '../../workers/load-modules.ts'
import { gist, Story } from '../scenarios/own/story.ts'

const HELLO = fileURLToPath(new URL('../modules/hello', import.meta.url))

describe('loadModules', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-modules-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const load = (from: string, config: Record<string, unknown> = {}) =>
    loadModules({ rundir: folder, modules: [{ from, config }] })
  const mistakeOf = (from: string, config?: Record<string, unknown>) =>
    load(from, config).then(
      () => 'none',
      (error: unknown) => (error instanceof BowlineError ? error.message : String(error)),
    )

  it('loads a folder, with settings checked and completed', async () => {
    const outside = await load(HELLO, { greeting: 'good evening' })
    expect(outside[0].config).to.deep.equal({ greeting: 'good evening', ttl: 60 })
    const story = new Story({}, { outside })
    expect(gist(story.ask('hello.example.', 'TXT'))).to.deep.equal(['NOERROR', 'hello.example. TXT "good evening"'])
    expect(story.modules.running.find(({ name }) => name === 'hello')?.counts).to.deep.equal({ greeted: 1 })
  })

  it('loads a package in JavaScript that is installed at rundir', async () => {
    const home = join(folder, 'node_modules', 'bowline-module-quiet')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'package.json'), '{"name":"bowline-module-quiet","type":"module","main":"main.js"}')
    writeFileSync(
      join(home, 'main.js'),
      "import { defineModule } from 'bowline'\nexport const quiet = defineModule({ name: 'quiet' })\n",
    )
    expect((await load('bowline-module-quiet'))[0].module.name).to.equal('quiet')
  })

  it('tells which setting is wrong, and what may stand there', async () => {
    expect(await mistakeOf(HELLO, { ttl: 60 })).to.equal(
      'modules/0/config/ttl: found 60; allowed: a time from 0s to 1d, in whole seconds (units us, ms, s, m, h, d); ' +
        'add the unit, as in 1m',
    )
    expect(await mistakeOf(HELLO, { greting: 'x' })).to.contain('did you mean greeting?')
  })

  it('tells what is no module', async () => {
    writeFileSync(join(folder, 'none.ts'), 'export const answer = 42\n')
    writeFileSync(join(folder, 'broken.ts'), 'export default (\n')
    expect(await mistakeOf('./none.ts')).to.contain('./none.ts exports no module')
    expect(await mistakeOf('./broken.ts')).to.contain('./broken.ts cannot be loaded')
    expect(await mistakeOf('./gone')).to.contain('./gone is not there')
    expect(await mistakeOf('bowline-module-gone')).to.contain('is no package installed at')
  })
})
