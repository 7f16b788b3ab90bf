/** Does a module do what a scenario says? The module is put into a resolver in a small world: one server that holds the records
 *  of the scenario and denies all others. Then the scenario is gone through, question by question. docs/modules.md tells
 *  what one looks like. */

import * as z from 'zod'
import { BowlineError } from '../src/config/error.ts'
import { parseTimeUs } from '../src/config/units.ts'
import { type Module, type OutsideModule, Resolver, type Transport } from '../src/index.ts'
import { systemClock } from '../src/io/clock.ts'
import { composeMessage } from '../src/wire/compose.ts'
import { parseQuery } from '../src/wire/message.ts'
import { nameKey, ROOT } from '../src/wire/name.ts'
import { type RRset, rrset } from '../src/wire/rrset.ts'
import { parseZoneText, rdataFromText } from '../src/wire/text.ts'
import { Flag, Rcode, Type } from '../src/wire/types.ts'

const step = z.union([
  z.strictObject({
    ask: z.string().regex(/^\S+ \S+$/, 'is no name and type'),
    status: z.string().optional(),
    answer: z.array(z.string()).optional(),
    servers: z.int().optional(),
  }),
  z.strictObject({ elapse: z.string().refine((text) => parseTimeUs(text) !== undefined, 'is no time') }),
])

const scenarioSchema = z.strictObject({
  config: z.record(z.string(), z.unknown()).default({}),
  world: z.string().default(''),
  story: z.array(step).min(1),
})

export type ModuleScenario = z.output<typeof scenarioSchema>

/** Throws a BowlineError that names the place of a mistake. */
export function readModuleScenario(written: unknown, file: string): ModuleScenario {
  const parsed = scenarioSchema.safeParse(written)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  throw new BowlineError('scenario', `${file}: ${path.join('/')}: ${message}; correct it`)
}

/** What was not as the scenario says, in sentences; none: all was. */
export async function playModuleScenario(module: Module, { config, world, story }: ModuleScenario): Promise<string[]> {
  const parsed = module.settings.safeParse(config)
  if (!parsed.success)
    return [`config: ${parsed.error.issues.map(({ path, message }) => `${path.join('/')} ${message}`)}`]
  const faults: string[] = []
  let asked = 0
  let elapsedMs = 0
  const outside: OutsideModule[] = [{ module, config: parsed.data }]
  const resolver = new Resolver({
    modules: outside,
    settings: { validate: false, priming: false, minimise: false },
    transport: serverOf(world, () => asked++),
    clock: {
      wallMs: () => systemClock.wallMs() + elapsedMs,
      monotonicMs: () => systemClock.monotonicMs() + elapsedMs,
      after: (delayMs, action) => systemClock.after(delayMs, action),
      soon: (action) => systemClock.soon(action),
    },
    log: (level, event, fields) => level === 'error' && faults.push(`${event} ${JSON.stringify(fields)}`),
  })
  for (const [index, now] of story.entries()) {
    if ('elapse' in now) {
      elapsedMs += (parseTimeUs(now.elapse) as number) / 1000
      continue
    }
    const [name, type] = now.ask.split(' ')
    asked = 0
    const { rcode, records } = await resolver.query(name, type)
    const answer = records.map((record) => `${record.name} ${record.type} ${record.data}`)
    const differs = (what: string, is: unknown, was: unknown) =>
      faults.push(`story/${index}: ${now.ask}: ${what} is ${JSON.stringify(is)}, not ${JSON.stringify(was)}`)
    if (now.status !== undefined && now.status !== rcode) differs('status', rcode, now.status)
    if (now.answer !== undefined && JSON.stringify(now.answer) !== JSON.stringify(answer))
      differs('answer', answer, now.answer)
    if (now.servers !== undefined && now.servers !== asked) differs('number of servers asked', asked, now.servers)
  }
  await resolver.close()
  return faults
}

/** The one server there is: it holds the root zone, with these records. */
function serverOf(world: string, onQuery: () => void): Transport {
  const sets = new Map<string, RRset>()
  const names = new Set<string>()
  for (const { owner, type, ttl, rdata } of parseZoneText(world)) {
    const key = `${nameKey(owner)} ${type}`
    sets.set(key, rrset(owner, type, ttl, [...(sets.get(key)?.rdatas ?? []), rdata]))
    names.add(nameKey(owner))
  }
  const soa = rrset(ROOT, Type.SOA, 300, [rdataFromText(Type.SOA, 'ns.invalid. root.invalid. 1 7200 900 604800 300')])
  const buffer = new Uint8Array(65_535)
  const respond = (packet: Uint8Array): Uint8Array => {
    const { id, question, edns } = parseQuery(packet)
    const key = nameKey(question?.name ?? ROOT)
    const found = sets.get(`${key} ${question?.type}`) ?? sets.get(`${key} ${Type.CNAME}`)
    const octets = composeMessage(
      buffer,
      {
        id,
        flags: Flag.QR | Flag.AA,
        rcode: found === undefined && !names.has(key) ? Rcode.NXDOMAIN : Rcode.NOERROR,
        question,
        answer: found === undefined ? [] : [found],
        authority: found === undefined ? [soa] : [],
        edns: edns && { udpSize: 1232, do: false },
      },
      { limit: buffer.length, dnssec: false, truncate: false },
    )
    return buffer.slice(0, octets)
  }
  return {
    exchange(_server, _protocol, query, _timeoutMs, sink) {
      onQuery()
      const reply = respond(query)
      let over = false
      systemClock.soon(() => {
        if (!over) sink.accept(reply)
      })
      return {
        cancel() {
          over = true
        },
      }
    },
  }
}
