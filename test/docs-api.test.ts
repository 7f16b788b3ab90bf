/** docs/api.md has every route of the control API, with the role it takes and what may be asked with it. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { ROUTES } from '../supervisor/control/routes.ts'

describe('docs/api.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../docs/api.md', import.meta.url)), 'utf8')
  const rows = [...page.matchAll(/^\| (`(?:GET|POST|PUT|PATCH|DELETE)\b.*?) \| ([a-z, ]+) \|/gm)]
  const told = rows.flatMap(([, paths, roles]) => {
    const methods = [...paths.matchAll(/\b(?:GET|POST|PUT|PATCH|DELETE)\b/g)].map(([method]) => method)
    const [path] = /\/v1\/[^?`]+/.exec(paths)!
    return methods.map((method, i) => `${method} ${path} ${roles.split(', ')[i]}`)
  })

  it('tells of every route, and of no other', () => {
    const tables = new Set(ROUTES.map(({ method, path, role }) => `${method} ${inPage(path)} ${role}`))
    expect(told.toSorted()).to.deep.equal([...tables].toSorted())
  })

  it('tells what may be asked for, where something is read', () => {
    for (const [, paths] of rows) {
      const [path, asked = ''] = /\/v1\/[^`]+/.exec(paths)![0].split('?')
      const route = ROUTES.find((one) => inPage(one.path) === path)
      for (const name of asked.split('&').flatMap((one) => one.replace('=', '') || []))
        expect(route?.query, path).to.have.property(name)
    }
  })
})

/** As the page writes what stands for several paths. */
function inPage(path: string): string {
  return path.replace(/^(\/v1\/top\/).*/, '$1TABLE').replace('/*', '/POINTER')
}
