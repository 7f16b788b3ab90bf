/** supervisor/launch.js: the command as npm installs it, under whatever Node there is. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import manifest from '../../package.json' with { type: 'json' }
import { runToEnd } from './command.ts'

const LAUNCH = fileURLToPath(new URL('../../supervisor/launch.js', import.meta.url))
const OWN_NODE = fileURLToPath(new URL('../../node_modules/node', import.meta.url))

/** A Node of this machine that is too old for Bowline; undefined where there is none. */
const oldNode = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  .map((folder) => join(folder, 'node'))
  .find((path) => existsSync(path) && majorOf(path) >= 16 && majorOf(path) < 24)

function majorOf(node: string): number {
  return Number.parseInt(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.slice(1), 10)
}

function needOldNode(context: Mocha.Context): string {
  if (oldNode !== undefined) return oldNode
  console.log('      skipped: needs a Node from 16 to 23, which this machine does not have')
  return context.skip()
}

describe('supervisor/launch.js in a checkout', () => {
  it('runs on this Node', async () => {
    const stdout = `${manifest.version}\n`
    expect(await runToEnd(process.execPath, [LAUNCH, '--version'])).to.deep.equal({ code: 0, stdout, stderr: '' })
  })

  it('runs on the Node that npm installed, when started by an old one', async function () {
    const stdout = `${manifest.version}\n`
    expect(await runToEnd(needOldNode(this), [LAUNCH, '--version'])).to.deep.equal({ code: 0, stdout, stderr: '' })
  })

  it('passes the exit code on', async function () {
    expect((await runToEnd(process.execPath, [LAUNCH, 'rnu'])).code).to.equal(2)
    expect((await runToEnd(needOldNode(this), [LAUNCH, 'rnu'])).code).to.equal(2)
  })
})

describe('supervisor/launch.js in a checkout with dist/', () => {
  const FOLDERS = ['src', 'src/wire', 'workers', 'supervisor', 'dist/supervisor']
  const BUILT_S = 1_000_000_000
  let folder: string
  const at = (path: string) => join(folder, path)
  const touch = (path: string, seconds: number) => utimesSync(at(path), seconds, seconds)
  const whichRuns = async () => (await runToEnd(process.execPath, [at('supervisor/launch.js')])).stdout

  /** Everything is as old as its build. */
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-launch-'))
    for (const path of FOLDERS) mkdirSync(at(path), { recursive: true })
    writeFileSync(at('package.json'), '{"type": "module"}')
    writeFileSync(at('src/wire/name.ts'), '')
    writeFileSync(at('supervisor/bowline.ts'), `console.log('sources' as string)`)
    writeFileSync(at('dist/supervisor/bowline.js'), `console.log('dist')`)
    copyFileSync(LAUNCH, at('supervisor/launch.js'))
    const files = ['src/wire/name.ts', 'supervisor/bowline.ts', 'supervisor/launch.js', 'dist/supervisor/bowline.js']
    for (const path of [...files, ...FOLDERS]) touch(path, BUILT_S)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('runs what was compiled', async () => expect(await whichRuns()).to.equal('dist\n'))

  it('runs the sources once one of them is newer', async () => {
    touch('src/wire/name.ts', BUILT_S + 1)
    expect(await whichRuns()).to.equal('sources\n')
  })

  it('runs the sources once one of them is gone', async () => {
    unlinkSync(at('src/wire/name.ts'))
    expect(await whichRuns()).to.equal('sources\n')
  })

  it('runs the sources where nothing was compiled', async () => {
    rmSync(at('dist'), { recursive: true })
    expect(await whichRuns()).to.equal('sources\n')
  })
})

/** A package as npm unpacks it, with a stand-in for what is compiled. */
describe('supervisor/launch.js in an installed package', () => {
  const standIn = `
    if (process.argv[2] === 'wait') {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
        process.on(signal, () => { console.log(signal); if (signal === 'SIGTERM') process.exit(7) })
      setInterval(() => {}, 1000)
    } else if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL')
    else process.exitCode = 5
    console.log(JSON.stringify({ major: Number.parseInt(process.versions.node, 10), parameters: process.argv.slice(2) }))
  `
  let folder: string
  let launch: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bowline-launch-'))
    const place = join(folder, 'node_modules', 'bowline')
    mkdirSync(join(place, 'supervisor'), { recursive: true })
    mkdirSync(join(place, 'dist', 'supervisor'), { recursive: true })
    launch = join(place, 'supervisor', 'launch.js')
    copyFileSync(LAUNCH, launch)
    writeFileSync(join(place, 'package.json'), '{"type": "module"}')
    writeFileSync(join(place, 'dist', 'supervisor', 'bowline.js'), standIn)
    // Sources beside it are not to be run: Node strips no types inside node_modules.
    writeFileSync(join(place, 'supervisor', 'bowline.ts'), 'throw new Error("the sources were run")')
    symlinkSync(OWN_NODE, join(folder, 'node_modules', 'node'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const nodes: [title: string, node: (context: Mocha.Context) => string][] = [
    ['a new Node', () => process.execPath],
    ['an old Node', needOldNode],
  ]
  for (const [title, node] of nodes) {
    describe(`under ${title}`, () => {
      it('runs what is compiled on Node 24, with the parameters as they were', async function () {
        const parameters = ['query', 'a b', '', '--x=ä']
        const ended = await runToEnd(node(this), [launch, ...parameters])
        expect(ended.stderr).to.equal('')
        expect(ended.code).to.equal(5)
        expect(JSON.parse(ended.stdout)).to.deep.equal({ major: 24, parameters })
      })

      it('hands signals on and ends as the service ends', async function () {
        const child = spawn(node(this), [launch, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
        let said = ''
        const line = async (text: string) => {
          while (!said.includes(text)) said += String((await once(child.stdout, 'data'))[0])
        }
        await line('"wait"')
        for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
          child.kill(signal)
          await line(signal)
        }
        const [code] = await once(child, 'exit')
        expect(code).to.equal(7)
      })
    })
  }

  it('reports a service that died of a signal as shells do', async function () {
    expect((await runToEnd(needOldNode(this), [launch, 'die'])).code).to.equal(128 + 9)
  })

  it('says what to do when there is no Node to run on', async function () {
    const old = needOldNode(this)
    rmSync(join(folder, 'node_modules', 'node'))
    const { code, stdout, stderr } = await runToEnd(old, [launch, 'run'])
    expect(code).to.equal(126)
    expect(stdout).to.equal('')
    expect(stderr).to.match(
      /^bowline: needs Node 24 or newer, and finds only v\d+\.\d+\.\d+ and none beside it; run npm install again, .*\n$/,
    )
    symlinkSync(OWN_NODE, join(folder, 'node_modules', 'node'))
  })
})
