/** Reading a configuration: files put together, checked as a whole, defaults filled in. Either all of it is right, or a
 *  ConfigError lists everything that is not. */

import { accessSync, constants, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { cpusText } from './cpus.ts'
import { explainIssue, valueAt, type Written } from './explain.ts'
import { defaultFolders, type Machine, thisMachine } from './folders.ts'
import { ConfigError, type Mistake, pathText, valueText } from './mistake.ts'
import { type Config, type ConfigInput, configSchema } from './schema.ts'
import type { SettingPath } from './settings.ts'
import { readSource, type Source } from './source.ts'

/** The longest path in octets that fits into the kernel's `sockaddr_un` beside its final zero. */
const MAX_SOCKET_PATH = 107

/** The configuration in `files`, the defaults where they say nothing. Of several files the later overrides: sections are
 *  joined setting by setting, everything else, lists too, is replaced as a whole. Throws ConfigError. */
export function loadConfig(files: string | readonly string[] = [], machine: Machine = thisMachine()): Config {
  return combineSources([files].flat().map(readSource), machine)
}

/** What the files say, put together but not checked: in the words of a configuration file. */
export function readSettings(files: readonly string[]): ConfigInput {
  return files.map((file) => readSource(file).value).reduce(override, {}) as ConfigInput
}

/** The configuration a program asks for, in the words of a configuration file. Throws ConfigError. */
export function makeConfig(settings: ConfigInput = {}, machine: Machine = thisMachine()): Config {
  const nowhere = () => undefined
  return completeConfig(
    { schema: configSchema, value: settings, placeOfKey: nowhere, placeOfValue: nowhere },
    [],
    machine,
  )
}

/** As loadConfig(), of files already read. */
export function combineSources(sources: readonly Source[], machine: Machine): Config {
  const latestFirst = sources.toReversed()
  const written: Written = {
    schema: configSchema,
    value: sources.map((source) => source.value).reduce(override, {}),
    placeOfKey: (path) => firstOf(latestFirst, (source) => source.placeOfKey(path)),
    placeOfValue(path) {
      // What is missing is shown where it should have been.
      for (let length = path.length; length >= 0; length--) {
        const place = firstOf(latestFirst, (source) => source.placeOfValue(path.slice(0, length)))
        if (place !== undefined) return place
      }
      return undefined
    },
  }
  return completeConfig(written, sources, machine)
}

function completeConfig(written: Written, sources: readonly Source[], machine: Machine): Config {
  const parsed = configSchema.safeParse(written.value)
  const paths = absolutePaths(written, machine)
  const mistakes = [
    ...sources.flatMap((source) => source.mistakes),
    ...(parsed.error?.issues ?? []).flatMap((issue) => explainIssue(issue, written)),
    ...checkPaths(paths, written),
    ...checkPrefill(written),
    ...checkCpus(machine, written),
  ]
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(inOrder(mistakes, sources))
  const { data } = parsed
  const anchorFiles = data.dnssec['trust-anchors-files'].map((entry, index) => ({
    ...entry,
    file: paths.anchorFiles[index],
  }))
  return {
    ...data,
    rundir: paths.rundir,
    hostname: data.hostname ?? machine.hostname,
    management: {
      ...data.management,
      'unix-socket': paths.socket,
      ...given({ 'access-file': paths.read(ACCESS_FILE) }),
      tls: given({
        'cert-file': paths.read(CERT_FILE),
        'key-file': paths.read(KEY_FILE),
        'client-ca-file': paths.read(CLIENT_CA_FILE),
      }),
    },
    cache: { ...data.cache, storage: paths.storage, 'size-max': cacheSize(data.cache['size-max'], machine) },
    options: { ...data.options, 'root-hints-file': paths.read(ROOT_HINTS) },
    dnssec: { ...data.dnssec, 'trust-anchors-files': anchorFiles },
  }
}

/** Of all memory, the cache gets this by itself. */
const CACHE_SHARE = 1 / 2
const LEAST_CACHE = 1024 ** 2

function cacheSize(size: number | 'auto', { memory }: Machine): number {
  return size === 'auto' ? Math.max(LEAST_CACHE, Math.floor(memory * CACHE_SHARE)) : size
}

/** `above` with what `below` says put over it. True and false stand for the setting `enable` of a section. */
function override(above: unknown, below: unknown): unknown {
  if (isMap(above) && typeof below === 'boolean') return { ...above, enable: below }
  if (typeof above === 'boolean' && isMap(below)) return { enable: above, ...below }
  if (!isMap(above) || !isMap(below)) return below
  const joined = new Map(Object.entries(above))
  for (const [key, value] of Object.entries(below)) joined.set(key, override(joined.get(key), value))
  return Object.fromEntries(joined)
}

/** Without the settings that are undefined. */
function given<Files extends Record<string, string | undefined>>(files: Files): Files {
  return Object.fromEntries(Object.entries(files).filter(([, file]) => file !== undefined)) as Files
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Paths {
  rundir: string
  storage: string
  socket: string
  /** The file a setting names; undefined when it names none. */
  read(setting: SettingPath): string | undefined
  anchorFiles: string[]
  /** Files that are read, and the settings that name them. */
  readable: { setting: SettingPath; file: string }[]
}

/** The paths in use. Also of a configuration with mistakes elsewhere, so that those in the paths are found with them. */
function absolutePaths(written: Written, machine: Machine): Paths {
  const text = (path: SettingPath): string | undefined => {
    const value = valueAt(written.value, path)
    return typeof value === 'string' ? value : undefined
  }
  const folders = defaultFolders(machine)
  const rundir = resolve(machine.folder, text(RUNDIR) ?? folders.rundir)
  const anchors = valueAt(written.value, ANCHOR_FILES)
  const anchorSettings: SettingPath[] = Array.isArray(anchors)
    ? anchors.map((_, index) => [...ANCHOR_FILES, index, 'file'])
    : []
  const readable = [...READ_FILES, ...anchorSettings, ...authorityFiles(written)].flatMap((setting) => {
    const file = text(setting)
    return file === undefined || file === '' ? [] : [{ setting, file: resolve(rundir, file) }]
  })
  return {
    rundir,
    readable,
    storage: resolve(rundir, text(['cache', 'storage']) ?? folders.storage),
    socket: resolve(rundir, text(SOCKET) ?? 'control.sock'),
    read: (wanted) => readable.find(({ setting }) => setting === wanted)?.file,
    anchorFiles: readable.filter(({ setting }) => anchorSettings.includes(setting)).map(({ file }) => file),
  }
}

/** The CA files of servers that are asked over TLS. */
function authorityFiles({ value }: Written): SettingPath[] {
  const rules = valueAt(value, ['forward'])
  const sections: SettingPath[] = Array.isArray(rules) ? rules.map((_, index) => ['forward', index]) : []
  return [...sections, ['fallback']].flatMap((section) => {
    const servers = valueAt(value, [...section, 'servers'])
    return Array.isArray(servers) ? servers.map((_, index) => [...section, 'servers', index, 'ca-file']) : []
  })
}

const RUNDIR = ['rundir']
const SOCKET = ['management', 'unix-socket']
const ROOT_HINTS: SettingPath = ['options', 'root-hints-file']
const ANCHOR_FILES = ['dnssec', 'trust-anchors-files']
const CPU_AFFINITY = ['workers', 'cpu-affinity']
const DNSSEC: SettingPath = ['dnssec', 'enable']
const ACCESS_FILE = ['management', 'access-file']
const CERT_FILE = ['management', 'tls', 'cert-file']
const KEY_FILE = ['management', 'tls', 'key-file']
const CLIENT_CA_FILE = ['management', 'tls', 'client-ca-file']
const READ_FILES: readonly SettingPath[] = [ROOT_HINTS, ACCESS_FILE, CERT_FILE, KEY_FILE, CLIENT_CA_FILE]

function checkPaths(paths: Paths, written: Written): Mistake[] {
  const mistakes: Mistake[] = []
  const socketOctets = Buffer.byteLength(paths.socket)
  if (socketOctets > MAX_SOCKET_PATH) {
    const ownSocket = valueAt(written.value, SOCKET) !== undefined
    const blamed = ownSocket ? SOCKET : RUNDIR
    mistakes.push({
      place: written.placeOfValue(blamed),
      path: pathText(blamed),
      found: `a path of ${socketOctets} octets`,
      allowed: `a path of at most ${MAX_SOCKET_PATH} octets, ${ownSocket ? 'rundir included' : 'with management/unix-socket in it'}`,
      remedy: ownSocket ? 'shorten it or rundir' : 'shorten it',
    })
  }
  for (const { setting, file } of paths.readable) {
    if (isReadable(file) || (isManaged(setting, written) && !existsSync(file))) continue
    mistakes.push({
      place: written.placeOfValue(setting),
      path: pathText(setting),
      found: valueText(valueAt(written.value, setting)),
      allowed: 'a file that can be read',
      remedy: `make sure that ${file} is there and may be read`,
    })
  }
  return mistakes
}

/** A zone that is taken as a whole has to be shown to be its owner's. */
function checkPrefill(written: Written): Mistake[] {
  const zones = valueAt(written.value, ['cache', 'prefill'])
  const enable = valueAt(written.value, DNSSEC)
  if (!Array.isArray(zones) || zones.length === 0 || enable !== false) return []
  return [
    {
      place: written.placeOfValue(DNSSEC),
      path: pathText(DNSSEC),
      found: valueText(enable),
      allowed: 'true beside cache/prefill, which takes what is signed',
      remedy: 'set it to true, or take cache/prefill out',
    },
  ]
}

/** Nothing can be put on a CPU that is not there. */
function checkCpus({ cpus }: Machine, written: Written): Mistake[] {
  const list = valueAt(written.value, CPU_AFFINITY)
  if (cpus === undefined || !Array.isArray(list)) return []
  return list.flatMap((cpu, index): Mistake[] => {
    const setting = [...CPU_AFFINITY, index]
    if (!Number.isInteger(cpu) || cpu < 0 || cpus.includes(cpu)) return [] // the schema has said what is no number of one
    return [
      {
        place: written.placeOfValue(setting),
        path: pathText(setting),
        found: valueText(cpu),
        allowed: `CPUs that run and that the service may use (cpuset): ${cpusText(cpus)}`,
        remedy: 'write one of these, or auto for the whole list',
      },
    ]
  })
}

/** A file of trust anchors that the service makes itself. */
function isManaged(setting: SettingPath, written: Written): boolean {
  const entry =
    setting.slice(0, ANCHOR_FILES.length).join('/') === ANCHOR_FILES.join('/') ? setting.slice(0, -1) : undefined
  return entry !== undefined && valueAt(written.value, [...entry, 'read-only']) !== true
}

/** Whether we may read it, if it is there. */
export function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

function firstOf<Item, Result>(items: readonly Item[], find: (item: Item) => Result | undefined): Result | undefined {
  for (const item of items) {
    const result = find(item)
    if (result !== undefined) return result
  }
  return undefined
}

/** By file as they were given, then from top to bottom. */
function inOrder(mistakes: readonly Mistake[], sources: readonly Source[]): Mistake[] {
  const fileOrder = (mistake: Mistake) => sources.findIndex((source) => source.file === mistake.place?.file)
  return mistakes.toSorted(
    (a, b) =>
      fileOrder(a) - fileOrder(b) ||
      (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
      (a.place?.column ?? 0) - (b.place?.column ?? 0),
  )
}
