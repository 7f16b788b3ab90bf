/** Does every file import only from floors below its own? The house and its floors are drawn here. */

import { expect } from 'chai'
import { importsOf, sources, withoutComments } from './sources.ts'

/** From top to bottom. What a path begins with tells its floor; the longest match counts. */
const FLOORS: string[][] = [
  ['supervisor/'],
  [
    'workers/',
    'src/index.ts',
    'src/settings-from-config.ts',
    'src/anchor-lookup.ts',
    'src/anchor-files.ts',
    'src/zone-import.ts',
    'src/workarounds.ts',
    'src/policy-from-config.ts',
    'src/servers-from-config.ts',
    'src/provide-bowline.ts',
  ],
  ['src/resolve.ts', 'src/driver/', 'src/partitions.ts', 'src/trace-steps.ts'],
  ['src/modules/', 'src/answer.ts'],
  ['src/layers/'],
  ['src/upstream/', 'src/request.ts', 'src/settings.ts', 'src/special-names'],
  ['src/cache/', 'src/anchors/', 'src/root-hints.ts'],
  ['src/dnssec/'],
  ['src/wire/'],
  ['src/io/', 'src/config/', 'src/metrics/', 'src/ledger.ts'],
]
const GROUND = FLOORS.length - 1

/** On the ground nobody imports a neighbour, but for the plain values and types of src/io. */
const SHARED_ON_THE_GROUND = ['src/io/address.ts', 'src/io/interfaces.ts']

/** The one file in which supervisor and workers meet. */
const MEETING_POINT = 'workers/messages.ts'

function floorOf(path: string): number | undefined {
  const index = FLOORS.findIndex((rooms) => rooms.some((room) => path.startsWith(room)))
  return index < 0 ? undefined : index
}

/** What lies side by side on one floor: `src/wire/`, or a single file. */
function roomOf(path: string): string {
  return FLOORS.flat().find((room) => path.startsWith(room)) ?? path
}

describe('imports', () => {
  const files = sources('src', 'workers', 'supervisor')
  const edges = files.flatMap((source) => importsOf(source).map((found) => ({ from: source.path, ...found })))
  const ours = edges.filter(({ isOurs }) => isOurs)

  it('are seen by this test', () => expect(ours.length).to.be.greaterThan(50))

  it('come from files that have a floor', () =>
    expect(files.map(({ path }) => path).filter((path) => floorOf(path) === undefined)).to.deep.equal([]))

  it('go down', () => {
    const up = ours.filter(({ from, target }) => {
      const [source, destination] = [floorOf(from), floorOf(target)]
      return source === undefined || destination === undefined || destination < source
    })
    expect(up.map(describeEdge)).to.deep.equal([])
  })

  it('take nothing of ours on the ground', () => {
    const wrong = ours.filter(
      ({ from, target }) =>
        floorOf(from) === GROUND && roomOf(from) !== roomOf(target) && !SHARED_ON_THE_GROUND.includes(target),
    )
    expect(wrong.map(describeEdge)).to.deep.equal([])
  })

  it('join supervisor and workers in one file of message types', () => {
    const wrong = ours.filter(
      ({ from, target }) => from.startsWith('supervisor/') && target.startsWith('workers/') && target !== MEETING_POINT,
    )
    expect(wrong.map(describeEdge)).to.deep.equal([])
  })

  it('leave each module to itself', () => {
    const folderOf = (path: string) => /^src\/modules\/[^/]+\//.exec(path)?.[0]
    const wrong = ours.filter(({ from, target }) => {
      const [source, destination] = [folderOf(from), folderOf(target)]
      return source !== undefined && destination !== undefined && source !== destination
    })
    expect(wrong.map(describeEdge)).to.deep.equal([])
  })

  it('name files with their extension, as Node runs them', () =>
    expect(ours.filter(({ target }) => !/\.(ts|js|json)$/.test(target)).map(describeEdge)).to.deep.equal([]))

  it('form no circle', () => {
    const graph = new Map<string, string[]>()
    for (const { from, target } of ours) graph.set(from, [...(graph.get(from) ?? []), target])
    expect(findCircle(graph)).to.equal(undefined)
  })

  it('name packages that package.json lists', async () => {
    const { default: manifest } = await import('../../package.json', { with: { type: 'json' } })
    const listed = [manifest.name, ...Object.keys(manifest.dependencies)] // its own name: in what it writes for others
    const wrong = edges.filter(({ isOurs, target }) => {
      if (isOurs || target.startsWith('node:')) return false
      return !listed.some((name) => target === name || target.startsWith(`${name}/`))
    })
    expect(wrong.map(describeEdge)).to.deep.equal([])
  })
})

describe('the import checks themselves', () => {
  it('find a circle', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['d', ['a']],
    ])
    expect(findCircle(graph)).to.equal('a → b → d → a')
  })

  it('see through comments and strings', () => {
    const code = withoutComments(
      "import {\n  a,\n} from './a.ts' // from './b.ts'\n/* import './c.ts' */ const s = '// no'\nconst t = await import('../t.ts')",
    )
    expect(importsOf({ path: 'src/x.ts', code }).map(({ target }) => target)).to.deep.equal(['src/a.ts', 't.ts'])
    expect(code).to.include("'// no'")
  })
})

function describeEdge({ from, line, target }: { from: string; line: number; target: string }): string {
  return `${from}:${line} imports ${target}`
}

/** A circle as text, or undefined. */
function findCircle(graph: Map<string, string[]>): string | undefined {
  const done = new Set<string>()
  const visit = (node: string, path: string[]): string | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' → ')
    if (done.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next, [...path, node])
      if (circle !== undefined) return circle
    }
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const circle = visit(node, [])
    if (circle !== undefined) return circle
  }
  return undefined
}
