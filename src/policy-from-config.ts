/** From an operator's configuration to who is asked for what, and what the modules are told. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import { fallbackFromConfig, forwardsFromConfig } from './servers-from-config.ts'
import { type LocalData, type Sections, type Settings, TCP_IDLE_MS, type TextFile } from './settings.ts'
import { nameFromText } from './wire/name.ts'
import { MIXED_CASE_VIOLATORS } from './workarounds.ts'

/** Shortest secret, characters. */
const MIN_SECRET = 32

export type Policy = Pick<Settings, 'forward' | 'taggedForward' | 'fallback' | 'sparedMixedCase' | 'sections'>

/** Throws a BowlineError when a file cannot be read, or something is no domain name. */
export function policyFromConfig(config: Config): Policy {
  const rules = forwardsFromConfig(config)
  const violators = config.options['violators-workarounds'] ? MIXED_CASE_VIOLATORS : []
  return {
    forward: rules.filter(({ tags }) => tags.length === 0),
    taggedForward: rules.filter(({ tags }) => tags.length > 0),
    fallback: fallbackFromConfig(config),
    sparedMixedCase: violators.map(nameFromText),
    sections: sections(config),
  }
}

/** What the modules are told. One that has nothing to do is left out, and costs nothing. */
function sections(config: Config): Sections {
  const data = config['local-data']
  const hasData =
    data.rules.length > 0 ||
    data.records !== undefined ||
    data['addresses-files'].length > 0 ||
    Object.keys(data.addresses).length > 0
  const { dnssec, options, network } = config
  return {
    ...(config.views.length > 0 ? { views: config.views } : {}),
    ...(hasData ? { 'local-data': withTexts(config) } : {}),
    ...(config.cookies.enable ? { cookies: { master: cookieSecret(config) } } : {}),
    ...(network['edns-tcp-keepalive'] ? { keepalive: { idleMs: TCP_IDLE_MS } } : {}),
    clock: { jump: options['time-jump-detection'], skew: dnssec['time-skew-detection'] },
    ...(config.dns64.enable ? { dns64: config.dns64 } : {}),
    ...(options['rebinding-protection'] ? { rebinding: { allowed: options['rebinding-allowed'] } } : {}),
    ...(network['address-renumbering'].length > 0 ? { renumber: network['address-renumbering'] } : {}),
  }
}

/** What the operator has given; empty: the service is to find one of its own. */
function cookieSecret({ cookies, rundir }: Config): string {
  const file = cookies['secret-file']
  if (file === undefined) return ''
  const secret = readText('cookies/secret-file', resolve(rundir, file)).text.trim()
  if (secret.length >= MIN_SECRET) return secret
  throw new BowlineError(
    'cookie-secret',
    `cookies/secret-file: ${file} holds less than ${MIN_SECRET} characters; write as many random ones into it`,
  )
}

function withTexts({ rundir, 'local-data': data }: Config): LocalData {
  const read = (setting: string) => (file: string) => readText(setting, resolve(rundir, file))
  return {
    ...data,
    'addresses-files': data['addresses-files'].map(read('local-data/addresses-files')),
    rules: data.rules.map((rule, index) => ({ ...rule, file: rule.file.map(read(`local-data/rules/${index}/file`)) })),
  }
}

function readText(setting: string, path: string): TextFile {
  try {
    return { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    throw new BowlineError(
      'unreadable-file',
      `${setting}: ${path} cannot be read (${(error as Error).message}); name a file that may be read, or leave it out`,
    )
  }
}
