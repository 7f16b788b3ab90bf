/** Everything the control API can do: each route with who may use it, what it takes and what it gives. The OpenAPI document
 *  is made from this table. */

import * as z from 'zod'
import { MAX_PARTITION } from '../../src/cache/keys.ts'
import { BowlineError } from '../../src/config/error.ts'
import { LOG_GROUPS } from '../../src/config/log-groups.ts'
import { ServerAddress } from '../../src/io/address.ts'
import { FREQUENT_TABLES, type FrequentTable } from '../../src/metrics/frequent.ts'
import { nameFromText } from '../../src/wire/name.ts'
import { typeFromText } from '../../src/wire/types.ts'
import {
  applySteps,
  getAt,
  type Json,
  mergePatch,
  type PatchStep,
  parsePointer,
  removeAt,
  setAt,
} from '../json-patch.ts'
import type { Manager } from '../manager.ts'
import { responseJson } from '../query-output.ts'
import type { Role } from './access.ts'
import { HttpError } from './problem.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface RouteRequest {
  /** What stands after the path of a route that ends in `/*`, decoded, with its first slash; else empty. */
  rest: string
  query: URLSearchParams
  /** As the route's schema gives it. */
  body: unknown
  contentType: string
  ifMatch: string | undefined
}

export interface Reply {
  status?: number
  body: unknown
  etag?: string
}

export interface Route {
  method: Method
  /** `/v1/config/*`: with anything after it. */
  path: string
  role: Role
  summary: string
  query?: Record<string, string>
  body?: z.ZodType
  contentTypes?: readonly string[]
  response: z.ZodType
  handle(manager: Manager, request: RouteRequest): Reply | Promise<Reply>
}

const json = z.json()
const change = z.object({
  path: z.string(),
  from: z.unknown(),
  to: z.unknown(),
  class: z.enum(['live', 'roll', 'restart']),
})
const changes = z.object({ changes: z.array(change) })
const done = z.object({ done: z.literal(true) })
const DONE: Reply = { body: { done: true } }

const worker = z.object({
  id: z.int(),
  pid: z.int().optional(),
  state: z.string(),
  uptimeMs: z.number(),
  queriesPerSecond: z.number(),
  utilisation: z.number(),
  rssOctets: z.number(),
  inFlight: z.number(),
  restarts: z.number(),
  cpus: z.string().optional(),
  isLooping: z.boolean(),
  startsInMs: z.number().optional(),
  lastCrash: z.looseObject({ reason: z.string(), wallMs: z.number() }).optional(),
})
const status = z.object({
  version: z.string(),
  pid: z.int(),
  state: z.string(),
  uptimeMs: z.number(),
  scaling: z.looseObject({ mode: z.enum(['fixed', 'auto']), workers: z.int() }),
  keeper: z.looseObject({ state: z.string(), restarts: z.int() }),
  cache: z.object({ sizeMax: z.number(), auto: z.boolean() }),
  workers: z.array(worker),
  leaving: z.int(),
  unconfirmed: z.boolean(),
  needsRestart: z.array(z.string()),
})
const counter = z.object({ name: z.string(), labels: z.record(z.string(), z.string()), value: z.number() })
const level = z.enum(['crit', 'err', 'warning', 'notice', 'info', 'debug'])
const logging = z.strictObject({ level, groups: z.array(z.enum(LOG_GROUPS)).default([]) })

const module = z.object({
  name: z.string(),
  about: z.string(),
  verbs: z.record(z.string(), z.string()),
  offIn: z.array(z.int()),
})

const waiting = z.object({
  worker: z.int(),
  name: z.string(),
  type: z.string(),
  ageMs: z.number(),
  waitsFor: z.enum(['reply', 'others', 'turn']),
  purpose: z.string(),
  depth: z.int(),
  client: z.string().optional(),
  sname: z.string().optional(),
  zoneCut: z.string().optional(),
  server: z.string().optional(),
  protocol: z.string().optional(),
  joined: z.int(),
  background: z.boolean(),
  queries: z.int(),
  octets: z.int(),
})
const server = z.object({
  address: z.string(),
  name: z.string().optional(),
  srttMs: z.number(),
  rttvarMs: z.number(),
  timeouts: z.int(),
  deadForMs: z.number().optional(),
  ednsBroken: z.boolean(),
  caseBroken: z.boolean(),
  tcpOnly: z.boolean(),
  learnedAgoMs: z.number().optional(),
  workers: z.array(z.int()),
})

const domainName = z.string().max(1024).refine(isDomainName, 'is no domain name')
const rrType = z.string().refine((text) => typeFromText(text.toUpperCase()) !== undefined, 'is no record type')
const clearing = z.strictObject({
  name: domainName.default('.'),
  'exact-name': z.boolean().optional(),
  'rr-type': rrType.optional(),
  negative: z.boolean().optional(),
  bogus: z.boolean().optional(),
  partition: z.int().min(0).max(MAX_PARTITION).optional(),
})
const cacheEntry = z.object({
  kind: z.enum(['rrset', 'nodata', 'nxdomain', 'delegation', 'failure']),
  partition: z.int(),
  name: z.string(),
  type: z.string().optional(),
  security: z.string().optional(),
  rank: z.string().optional(),
  ttl: z.int(),
  age: z.int(),
  records: z.array(z.string()),
})

function isDomainName(text: string): boolean {
  try {
    nameFromText(text)
    return true
  } catch {
    return false
  }
}

const EDIT_QUERY = {
  'dry-run': 'true: only say what would change',
  'rollback-after': 'a number of seconds (60s): go back unless the change is confirmed by then',
}
const MERGE_PATCH = 'application/merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'

const frequent = z.array(z.object({ key: z.string(), count: z.int(), error: z.int() }))

const TOP_SUMMARY: Record<FrequentTable, string> = {
  bogus: 'Names, each with its type, whose answers failed validation most often.',
  names: 'Names, each with its type, that are asked for most often. Needs the setting stats/enable.',
  clients: 'Addresses that ask most, of IPv6 their /56. Needs the setting stats/enable.',
  servfail: 'Names, each with its type, that are answered with SERVFAIL most often. Needs the setting stats/enable.',
}

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/status',
    role: 'read',
    summary: 'The service, its keeper and its workers.',
    response: status,
    handle: (manager) => ({ body: manager.status() }),
  },
  {
    method: 'GET',
    path: '/v1/counters',
    role: 'read',
    summary: 'What all workers have counted since the service was started, those that have left included.',
    response: z.object({ counters: z.array(counter) }),
    handle: async (manager) => ({ body: { counters: await manager.counters() } }),
  },
  ...FREQUENT_TABLES.map(topRoute),
  {
    method: 'GET',
    path: '/v1/stats',
    role: 'read',
    summary: 'All these tables.',
    query: { limit: 'how many of each, 20 if not said' },
    response: z.object(Object.fromEntries(FREQUENT_TABLES.map((table) => [table, frequent]))),
    handle: async (manager, { query }) => {
      const tables = FREQUENT_TABLES.map(async (table) => [table, await manager.frequent(table, limitOf(query))])
      return { body: Object.fromEntries(await Promise.all(tables)) }
    },
  },
  {
    method: 'GET',
    path: '/v1/trace',
    role: 'operate',
    summary: 'Has a worker resolve a question with all it knows, and tells each step and the response.',
    query: {
      name: 'domain name',
      type: 'record type, A if not said',
      dnssec: 'true: with signatures and proofs (DO)',
      cd: 'true: without validation (CD)',
      worker: 'its number; else the first that runs',
    },
    response: z.looseObject({ worker: z.int(), message: z.string(), elapsedMs: z.number(), trace: z.array(z.json()) }),
    handle: async (manager, { query }) => {
      const { worker, traced } = await manager.trace(traceOrder(query), workerOf(query))
      const { steps, message, ...facts } = traced
      const text = Buffer.from(message).toString('hex')
      return { body: { worker, message: text, response: responseJson(message, facts), ...facts, trace: steps } }
    },
  },
  {
    method: 'GET',
    path: '/v1/requests',
    role: 'read',
    summary:
      'Questions that wait for something, those that others depend on included, by what they wait for; the oldest first. ' +
      '`silent`: workers that did not say.',
    query: { limit: 'how many, 20 if not said' },
    response: z.object({ waiting: z.array(waiting), silent: z.array(z.int()) }),
    handle: async (manager, { query }) => ({ body: await manager.waiting(limitOf(query)) }),
  },
  {
    method: 'GET',
    path: '/v1/servers',
    role: 'read',
    summary:
      'What is remembered of other servers: how fast they are, and what is wrong with them; those heard of last first. ' +
      '`silent`: workers that did not say.',
    query: {
      of: 'an address, with or without @port; or a domain name, for the servers that would be asked about it',
      troubled: 'true: only those with something wrong',
      limit: 'how many, 20 if not said',
    },
    response: z.object({ zoneCut: z.string().optional(), servers: z.array(server), silent: z.array(z.int()) }),
    handle: async (manager, { query }) => ({ body: await manager.servers(serversOrder(query)) }),
  },
  {
    method: 'GET',
    path: '/v1/modules',
    role: 'read',
    summary:
      'The modules that run, what they can be told, and the workers in which one is switched off for its faults.',
    response: z.object({ modules: z.array(module) }),
    handle: async (manager) => ({ body: { modules: await manager.modules() } }),
  },
  {
    method: 'POST',
    path: '/v1/modules/run',
    role: 'operate',
    summary: 'Has a module do something, in each worker.',
    body: z.strictObject({
      module: z.string(),
      verb: z.string(),
      words: z.array(z.string().max(1024)).max(100).default([]),
    }),
    response: z.object({ outcomes: z.array(z.object({ worker: z.int(), value: z.json().optional() })) }),
    handle: async (manager, { body }) => {
      const outcomes = await manager.runVerb(body as { module: string; verb: string; words: string[] })
      return {
        body: {
          outcomes: outcomes.map(({ worker, outcome }) => {
            if ('code' in outcome) throw new BowlineError(outcome.code, outcome.message)
            return { worker, value: outcome.value }
          }),
        },
      }
    },
  },
  {
    method: 'POST',
    path: '/v1/cache/clear',
    role: 'operate',
    summary:
      'Removes what the cache knows of a name and all below it, proofs that there is nothing included. When it has answered, ' +
      'no worker gives an answer made of that any more.',
    body: clearing.prefault({}),
    response: z.object({ count: z.int(), complete: z.boolean() }),
    handle: async (manager, { body }) => {
      const options = body as z.output<typeof clearing>
      const { name, negative, bogus, partition } = options
      const type = options['rr-type'] === undefined ? undefined : typeFromText(options['rr-type'].toUpperCase())
      const exact = options['exact-name']
      return { body: await manager.cache({ kind: 'clear', name, exact, type, negative, bogus, partition }) }
    },
  },
  {
    method: 'GET',
    path: '/v1/cache/entries',
    role: 'read',
    summary: 'What the cache holds for a name, also what has outlived its TTL.',
    query: { name: 'the name', partition: 'only of this partition' },
    response: z.object({ entries: z.array(cacheEntry) }),
    handle: async (manager, { query }) => {
      const name = domainName.safeParse(query.get('name'))
      if (!name.success) throw new HttpError(400, 'query', `name: ${query.get('name') ?? 'nothing'} is no domain name`)
      const partition = query.get('partition') ?? undefined
      if (partition !== undefined && !(/^\d{1,3}$/.test(partition) && Number(partition) <= MAX_PARTITION))
        throw new HttpError(400, 'query', `partition: ${partition} is no number from 0 to ${MAX_PARTITION}`)
      const only = partition === undefined ? {} : { partition: Number(partition) }
      return { body: await manager.cache({ kind: 'get', name: name.data, ...only }) }
    },
  },
  {
    method: 'GET',
    path: '/v1/cache/stats',
    role: 'read',
    summary: 'The cache file: its entries, its size, and what the keeper has done to it.',
    response: z.looseObject({ entries: z.int(), usedBytes: z.number(), fileBytes: z.number(), sizeMax: z.number() }),
    handle: async (manager) => ({ body: await manager.cache({ kind: 'stats' }) }),
  },
  {
    method: 'POST',
    path: '/v1/scale',
    role: 'operate',
    summary: 'Changes the number of workers: 4, +2, -1, or auto. Answers when the new ones take queries.',
    body: z.strictObject({ workers: z.union([z.string(), z.int()]) }),
    response: z.object({ workers: z.int() }),
    handle: async (manager, { body }) => ({
      body: { workers: await manager.scale(String((body as { workers: unknown }).workers)) },
    }),
  },
  {
    method: 'POST',
    path: '/v1/remove',
    role: 'operate',
    summary: 'Has the worker named finish what it has and leave.',
    body: z.strictObject({ worker: z.int() }),
    response: z.object({ workers: z.int() }),
    handle: async (manager, { body }) => ({
      body: { workers: await manager.remove((body as { worker: number }).worker) },
    }),
  },
  {
    method: 'POST',
    path: '/v1/restart',
    role: 'operate',
    summary: 'Replaces all workers one by one, or the one named.',
    body: z.strictObject({ worker: z.int().optional() }).default({}),
    response: done,
    handle: async (manager, { body }) => {
      await manager.restart((body as { worker?: number }).worker)
      return DONE
    },
  },
  {
    method: 'POST',
    path: '/v1/reload',
    role: 'operate',
    summary: 'Reads the configuration files again. With a mistake in them nothing changes.',
    body: z.strictObject({ force: z.boolean().optional(), dryRun: z.boolean().optional() }).default({}),
    response: changes.extend({ rolls: z.boolean(), needsRestart: z.array(z.string()) }),
    handle: async (manager, { body }) => ({
      body: await manager.reload(body as { force?: boolean; dryRun?: boolean }),
    }),
  },
  {
    method: 'POST',
    path: '/v1/upgrade',
    role: 'operate',
    summary: 'Starts a new supervisor from the program on disk; it takes over, and this one leaves.',
    response: z.object({ pid: z.int() }),
    handle: async (manager) => ({ body: await manager.upgrade() }),
  },
  {
    method: 'POST',
    path: '/v1/stop',
    role: 'operate',
    summary: 'Stops the service. What is in flight is finished.',
    response: done,
    handle: (manager) => {
      setImmediate(() => manager.stop())
      return { status: 202, body: { done: true } }
    },
  },
  {
    method: 'GET',
    path: '/v1/logging',
    role: 'read',
    summary: 'What is logged now.',
    response: logging,
    handle: (manager) => {
      const { level, groups } = manager.fleet.config.logging
      return { body: { level, groups } }
    },
  },
  {
    method: 'PUT',
    path: '/v1/logging',
    role: 'operate',
    summary: 'Changes what is logged, until the configuration is read again.',
    body: logging,
    response: logging,
    handle: (manager, { body }) => {
      const { level, groups } = body as z.output<typeof logging>
      manager.setLogging(level, groups)
      return { body: { level, groups } }
    },
  },
  {
    method: 'GET',
    path: '/v1/config/*',
    role: 'read',
    summary: 'A setting, section or all of the configuration, by JSON pointer (RFC 6901), defaults filled in.',
    query: { written: 'true: without the defaults' },
    response: json,
    handle: ({ settings }, { rest, query }) => ({
      body: settings.read(parsePointer(rest), isTrue(query, 'written')),
      etag: settings.etag,
    }),
  },
  {
    method: 'PUT',
    path: '/v1/config/*',
    role: 'configure',
    summary: 'Sets a setting or section to what the body says.',
    query: EDIT_QUERY,
    body: json,
    response: changes,
    handle: (manager, request) =>
      edit(manager, request, (document) => {
        const path = parsePointer(request.rest)
        return setAt(spelledOut(document, path), path, request.body as Json)
      }),
  },
  {
    method: 'PATCH',
    path: '/v1/config/*',
    role: 'configure',
    summary: 'Changes settings: a merge patch (RFC 7396) or, by its content type, a JSON patch (RFC 6902).',
    query: EDIT_QUERY,
    body: json,
    contentTypes: ['application/json', MERGE_PATCH, JSON_PATCH],
    response: changes,
    handle: (manager, request) =>
      edit(manager, request, (document) => {
        const path = parsePointer(request.rest)
        const present = getAt(document, path) ?? {}
        return setAt(document, path, patched(present, request))
      }),
  },
  {
    method: 'DELETE',
    path: '/v1/config/*',
    role: 'configure',
    summary: 'Takes a setting or section back to its default.',
    query: EDIT_QUERY,
    response: changes,
    handle: (manager, request) => edit(manager, request, (document) => removeAt(document, parsePointer(request.rest))),
  },
  {
    method: 'POST',
    path: '/v1/confirm',
    role: 'configure',
    summary: 'Keeps a change that was made with rollback-after.',
    response: done,
    handle: ({ settings }) => {
      settings.confirm()
      return DONE
    },
  },
]

function topRoute(table: FrequentTable): Route {
  return {
    method: 'GET',
    path: `/v1/top/${table}`,
    role: 'read',
    summary: `${TOP_SUMMARY[table]} A count may be \`error\` too high.`,
    query: { limit: 'how many, 20 if not said' },
    response: z.object({ entries: frequent }),
    handle: async (manager, { query }) => ({ body: { entries: await manager.frequent(table, limitOf(query)) } }),
  }
}

/** Entries of an answer. */
const MOST = 1000

/** Who wants more than there may be gets as many. */
function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '20'
  if (!/^\d*[1-9]\d*$/.test(text)) throw new HttpError(400, 'query', `limit: ${text} is no number of 1 or more`)
  return Math.min(Number(text), MOST)
}

function traceOrder(query: URLSearchParams) {
  const name = domainName.safeParse(query.get('name'))
  if (!name.success) throw new HttpError(400, 'query', `name: ${query.get('name') ?? 'nothing'} is no domain name`)
  const type = typeFromText((query.get('type') ?? 'A').toUpperCase())
  if (type === undefined) throw new HttpError(400, 'query', `type: ${query.get('type')} is no record type`)
  return { kind: 'trace', name: name.data, type, cd: isTrue(query, 'cd'), dnssec: isTrue(query, 'dnssec') } as const
}

function serversOrder(query: URLSearchParams) {
  const of = query.get('of') ?? undefined
  if (of !== undefined && ServerAddress.fromText(of) === undefined && !domainName.safeParse(of).success)
    throw new HttpError(400, 'query', `of: ${of} is neither an address nor a domain name`)
  return { of, troubled: isTrue(query, 'troubled'), limit: limitOf(query) }
}

function workerOf(query: URLSearchParams): number | undefined {
  const text = query.get('worker')
  if (text !== null && !/^\d{1,3}$/.test(text))
    throw new HttpError(400, 'query', `worker: ${text} is no number of a worker`)
  return text === null ? undefined : Number(text)
}

async function edit(manager: Manager, request: RouteRequest, change: (document: Json) => Json): Promise<Reply> {
  const rollback = request.query.get('rollback-after')
  const seconds = rollback === null ? undefined : /^(\d{1,5})s?$/.exec(rollback)?.[1]
  if (rollback !== null && seconds === undefined)
    throw new HttpError(400, 'query', `rollback-after: ${rollback} is no time; write it as in 60s`)
  const made = await manager.edit({
    change,
    dryRun: isTrue(request.query, 'dry-run'),
    rollbackAfterMs: seconds === undefined ? undefined : 1000 * Number(seconds),
    ifMatch: request.ifMatch,
  })
  return { body: { changes: made }, etag: manager.settings.etag }
}

/** With `workers: 4` as `workers: {count: 4}` where something is to be set beside the number, which is to stay. */
function spelledOut(document: Json, [section, ...rest]: readonly string[]): Json {
  const count = section === 'workers' && rest.length > 0 ? getAt(document, [section]) : undefined
  return typeof count === 'number' || count === 'auto' ? setAt(document, ['workers'], { count }) : document
}

function patched(present: Json, { body, contentType }: RouteRequest): Json {
  if (contentType !== JSON_PATCH) return mergePatch(present, body as Json)
  const steps = patchSteps.safeParse(body)
  if (!steps.success)
    throw new HttpError(422, 'patch', 'the body is no list of steps with op, path and value (RFC 6902)')
  return applySteps(present, steps.data as PatchStep[])
}

const patchSteps = z.array(
  z.object({ op: z.enum(['add', 'replace', 'remove', 'test']), path: z.string(), value: z.json().optional() }),
)

function isTrue(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  if (value === null || value === 'false') return false
  if (value === 'true' || value === '') return true
  throw new HttpError(400, 'query', `${name}: ${value} is neither true nor false`)
}
