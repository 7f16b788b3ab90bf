/** From an operator's configuration to who is asked for what, and what the modules are told. */

import { accessSync, constants, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { BowlineError } from './config/error.ts'
import type { Config } from './config/schema.ts'
import { fallbackFromConfig, forwardsFromConfig } from './servers-from-config.ts'
import { type ListFile, type LocalData, type Sections, type Settings, TCP_IDLE_MS } from './settings.ts'
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
    ...(hasData ? { 'local-data': withFiles(config) } : {}),
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
  const path = resolve(rundir, file)
  const secret = readOr('cookies/secret-file', path, () => readFileSync(path, 'utf8')).trim()
  if (secret.length >= MIN_SECRET) return secret
  throw new BowlineError(
    'cookie-secret',
    `cookies/secret-file: ${file} holds less than ${MIN_SECRET} characters; write as many random ones into it`,
  )
}

function withFiles({ rundir, 'local-data': data }: Config): LocalData {
  const files = (setting: string, paths: readonly string[]) =>
    paths.map((path) => listFile(setting, resolve(rundir, path)))
  return {
    ...data,
    'addresses-files': files('local-data/addresses-files', data['addresses-files']),
    rules: data.rules.map((rule, index) => ({ ...rule, file: files(`local-data/rules/${index}/file`, rule.file) })),
  }
}

/** Can be read now; what it holds is looked at when it is needed. */
function listFile(setting: string, path: string): ListFile {
  readOr(setting, path, () => accessSync(path, constants.R_OK))
  return { path, read: () => readOr(setting, path, () => readFileSync(path)) }
}

function readOr<Content>(setting: string, path: string, read: () => Content): Content {
  try {
    return read()
  } catch (error) {
    throw new BowlineError(
      'unreadable-file',
      `${setting}: ${path} cannot be read (${(error as Error).message}); name a file that may be read, or leave it out`,
    )
  }
}
