/** The configurations that docs/running.md shows are such as one may write, and its tables are true. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parse } from 'yaml'
import { makeConfig } from '../src/config/load.ts'
import { settingsFromConfig } from '../src/settings-from-config.ts'
import { nameToText } from '../src/wire/name.ts'
import { CLASSES, ReloadClass } from '../supervisor/changes.ts'

describe('docs/running.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../docs/running.md', import.meta.url)), 'utf8')
  const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text)
  const forwards = blocks.filter((text) => text.startsWith('forward:'))

  it('shows configurations without a mistake', () => {
    for (const text of blocks) expect(() => settingsFromConfig(makeConfig(parse(text)))).not.to.throw()
  })

  it('tells which settings are followed without new workers, and which only by a restart', () => {
    for (const kind of [ReloadClass.LIVE, ReloadClass.RESTART]) {
      const [, told] = new RegExp(`^\\| ${kind} \\| (.*?) \\|`, 'm').exec(page)!
      const settings = [...told.matchAll(/`([^`]+)`/g)].map(([, setting]) => setting)
      const followed = CLASSES.filter(([, found]) => found === kind).map(([setting]) => setting)
      expect(settings.toSorted()).to.deep.equal(followed.toSorted())
    }
  })

  it('shows how to forward over TLS, and what else there is to it', () => {
    expect(forwards).to.have.lengthOf(1)
    const rules = settingsFromConfig(makeConfig(parse(forwards[0]))).forward.map((rule) => [
      nameToText(rule.subtree),
      ...rule.servers.map(({ address }) => `${address} ${address.tls?.hostname ?? address.tls?.pins ?? 'plain'}`),
    ])
    expect(rules).to.deep.equal([
      [
        '.',
        '192.0.2.53@853 dns.example.net',
        '2001:db8::53@853 dns.example.net',
        '198.51.100.53@853 OLzhpgEZsWqJu6Lc1aRPGqjXVGGoG+gM44Cok/rAUqM=',
      ],
      ['corp.example.org.', '10.0.0.1@53 plain', '10.0.0.2@53 plain'],
      ['dnsbl.example.org.'],
    ])
  })
})
