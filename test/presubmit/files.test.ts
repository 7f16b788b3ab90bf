/** Is the project whole and fit to be given away? What its texts promise exists; nothing in it points to one machine. */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import manifest from '../../package.json' with { type: 'json' }
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { moduleMetric } from '../../src/metrics/naming.ts'
import { METRICS } from '../../supervisor/metrics/metrics.ts'
import { lineOf, projectFiles, ROOT, readText, sources } from './sources.ts'

const TEXT = /\.(ts|js|json|md|ya?ml|sh|txt|toml|service|conf|rpl)$|(^|\/)(Dockerfile|LICENSE|run|\.gitignore|\.npmrc)$/
/** Wire bytes and zones that came from elsewhere. */
const FOREIGN = /^test\/(golden|fuzz\/corpus)\//

const files = projectFiles().filter((path) => existsSync(join(ROOT, path)))
const texts = files
  .filter((path) => TEXT.test(path) && !FOREIGN.test(path))
  .map((path) => ({ path, text: readText(path) ?? '' }))
const manuals = texts.filter(({ path }) => path.endsWith('.md'))

function find(pattern: RegExp, where = texts): string[] {
  return where
    .filter(({ path }) => !path.startsWith('test/presubmit/'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(pattern)].map((match) => `${path}:${lineOf(text, match.index)} ${match[0]}`),
    )
}

describe('the files of the project', () => {
  it('are seen by this test', () => expect(texts.length).to.be.greaterThan(50))

  it('name no path of one machine', () => expect(find(/\/(home|Users|root|work)\/(?!ada\b)[\w.-]+/g)).to.deep.equal([]))

  it('leave nothing to do', () => {
    const code = texts.filter(({ path }) => /\.(ts|js|sh)$/.test(path))
    expect(find(/\b(TODO|FIXME|XXX|HACK)\b/g, code)).to.deep.equal([])
  })

  it('hold no .only and no debugger', () => {
    const code = texts.filter(({ path }) => path.endsWith('.ts'))
    expect(find(/\b(describe|it|context)\.only\(|^\s*debugger\b/gm, code)).to.deep.equal([])
  })

  it('hold no conflict', () => expect(find(/^(<{7}|>{7})( |$)/gm)).to.deep.equal([]))

  it('lock packages by content and not by where they were fetched', () =>
    expect(
      find(
        /"resolved": "[^"]*"/g,
        texts.filter(({ path }) => path === 'package-lock.json'),
      ),
    ).to.deep.equal([]))

  it('lock the packages of all platforms, without which npm ci refuses', () => {
    const { packages } = JSON.parse(readText('package-lock.json')!) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const wanted = Object.values(packages).flatMap(({ optionalDependencies }) =>
      Object.keys(optionalDependencies ?? {}),
    )
    expect(wanted.filter((name) => packages[`node_modules/${name}`] === undefined)).to.deep.equal([])
  })

  it('pin every package to one version', () => {
    const versions = { ...manifest.dependencies, ...manifest.devDependencies }
    expect(Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).to.deep.equal([])
  })

  it('have kebab-case names in the sources', () => {
    const names = files.filter((path) => /^(src|workers|supervisor|test)\/.*\.ts$/.test(path))
    expect(names.filter((path) => !/^([a-z0-9-]+\/)*[a-z0-9-]+(\.test)?\.ts$/.test(path))).to.deep.equal([])
  })

  it('open with a header: the question this file answers', () => {
    const headless = sources('src', 'workers', 'supervisor').filter(
      ({ path }) => !/^(#![^\n]*\n)?\s*\/\*\*/.test(readText(path) ?? ''),
    )
    expect(headless.map(({ path }) => path)).to.deep.equal([])
  })

  it('have the scripts that package.json names', () => {
    const scripts = Object.values(manifest.scripts).flatMap((command) => [...command.matchAll(/node (\w[\w./-]*)/g)])
    expect(scripts.map(([, path]) => path).filter((path) => !existsSync(join(ROOT, path)))).to.deep.equal([])
  })
})

describe('module folders', () => {
  const modules = new Set(files.flatMap((path) => /^src\/modules\/([^/]+)\//.exec(path)?.[1] ?? []))
  it('are seen by this test', () => expect(modules.size).to.be.greaterThan(3))
  for (const name of modules) {
    it(`${name} has its hooks and its README`, () => {
      for (const file of ['index.ts', 'README.md'])
        expect(existsSync(join(ROOT, 'src/modules', name, file)), file).to.equal(true)
      expect(readText(`src/modules/${name}/README.md`)).to.match(new RegExp(`^# ${name}\\b`))
    })
  }
})

describe('the manuals', () => {
  it('begin with a README', () => expect(manuals.map(({ path }) => path)).to.include('README.md'))

  it('name npm scripts that exist', () => {
    const known = [...Object.keys(manifest.scripts), 'test', 'start']
    const missing = find(/\bnpm (?:run [\w:-]+|test|start)\b/g, manuals).filter(
      (found) => !known.includes(found.split(' ').at(-1)!),
    )
    expect(missing).to.deep.equal([])
  })

  it('name commands of bowline that exist', () => {
    const definitions = sources('supervisor').flatMap(({ code }) => [...code.matchAll(/\.command\(\s*'([a-z-]+)/g)])
    const known = [...definitions.map(([, name]) => name), 'help']
    // In code only: a line that begins with it, or what stands between backquotes.
    const mentions = find(/(?:^ *\$? *(?:npx )?|`(?:npx )?)bowline [a-z][a-z-]*/gm, manuals)
    expect(mentions.filter((found) => !known.includes(found.split(' ').at(-1)!))).to.deep.equal([])
  })

  it('name settings that exist', () => {
    const known = settingsOf(configJsonSchema())
    const written = manuals.filter(({ path }) => path !== 'docs/configuration.md') // which is made of them, and tells of others'
    const roots = new Set(known.map((path) => path.split('/')[0]).filter((root) => root !== 'rundir')) // files are in there
    const paths = find(/(?<=`)[a-z][a-z0-9-]*(\[\])?(\/[a-z0-9-]+(\[\])?)+(?=`)/g, written)
      .map((found) => [found, found.split(' ').at(-1)!.replaceAll('[]', '')])
      .filter(([, path]) => roots.has(path.split('/')[0]))
    expect(paths.length).to.be.above(50)
    const unknown = paths.filter(([, path]) => !known.some((one) => one === path || one.endsWith(`/${path}`)))
    expect(unknown.map(([found]) => found)).to.deep.equal([])
  })

  it('name metrics that exist', () => {
    const declared = sources('src/modules').flatMap(({ code }) =>
      [...code.matchAll(/^ +metrics: \{([^}]*)\}/gm)].flatMap(([, inside]) => [...inside.matchAll(/(\w+): '/g)]),
    )
    const known = new Set([
      ...METRICS.flatMap(({ name, type }) => [name, ...(type === 'histogram' ? [`${name}_bucket`] : [])]),
      ...[...declared.map(([, metric]) => metric), 'greeted'].map(moduleMetric), // as in the example of a module
    ])
    const isKnown = (name: string) =>
      known.has(name) || (name.endsWith('_') && [...known].some((one) => one.startsWith(name)))
    const named = find(/\bbowline_[a-z0-9_]+/g, [...manuals, ...texts.filter(({ path }) => path.startsWith('deploy/'))])
    expect(named.length).to.be.above(100)
    expect(named.filter((found) => !isKnown(found.split(' ').at(-1)!))).to.deep.equal([])
  })

  it('link to files that exist', () => {
    const broken = manuals.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
        .filter(([, target]) => !existsSync(join(ROOT, dirname(path), target)))
        .map(([, target]) => `${path} links to ${target}`),
    )
    expect(broken).to.deep.equal([])
  })
})

interface JsonSchema {
  anyOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
}

/** Paths of all settings, without the marks of lists. */
function settingsOf(schema: JsonSchema, path = ''): string[] {
  const inside = [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])]
  return [
    ...inside.flatMap((one) => settingsOf(one, path)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
      const here = path === '' ? name : `${path}/${name}`
      return [here, ...settingsOf(one, here)]
    }),
  ]
}
